// The JavaScript SDK, version 3, as applications use it: endpoint and keys from the environment.
// Started by aws_clients_test.py.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import {
  CopyObjectCommand, CreateBucketCommand, DeleteBucketCommand, DeleteObjectsCommand,
  GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client,
  paginateListObjectsV2,
} from "@aws-sdk/client-s3";
import { GetFunctionCommand, InvokeCommand, LambdaClient, paginateListFunctions }
  from "@aws-sdk/client-lambda";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const s3 = new S3Client({ forcePathStyle: true });
const Bucket = "javascript";

async function bytes(answer) {
  return Buffer.from(await answer.Body.transformToByteArray());
}

await s3.send(new CreateBucketCommand({ Bucket }));

// A buffer, and a stream whose length is known and whose checksum comes in a trailer.
const small = await s3.send(new PutObjectCommand({
  Bucket, Key: "a b/ü.txt", Body: "hello", Metadata: { by: "Anna" } }));
assert.equal(small.ETag, '"5d41402abc4b2a76b9719d911017c592"');
const data = randomBytes(3_000_001);
await s3.send(new PutObjectCommand({
  Bucket, Key: "stream", Body: Readable.from([data.subarray(0, 1_000_000), data.subarray(1_000_000)]),
  ContentLength: data.length }));
assert.deepEqual(await bytes(await s3.send(new GetObjectCommand({ Bucket, Key: "stream" }))), data);
const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "a b/ü.txt" }));
assert.equal(head.Metadata.by, "Anna");
const part = await s3.send(new GetObjectCommand({ Bucket, Key: "stream", Range: "bytes=10-19" }));
assert.deepEqual(await bytes(part), data.subarray(10, 20));

// A stream of unknown length, in parts.
const large = randomBytes(12 << 20);
await new Upload({ client: s3, params: {
  Bucket, Key: "large", Body: Readable.from([large.subarray(0, 7 << 20), large.subarray(7 << 20)]) },
}).done();
assert.deepEqual(await bytes(await s3.send(new GetObjectCommand({ Bucket, Key: "large" }))), large);

await s3.send(new CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/a%20b/%C3%BC.txt` }));
const keys = [];
for await (const page of paginateListObjectsV2({ client: s3, pageSize: 2 }, { Bucket })) {
  keys.push(...page.Contents.map((entry) => entry.Key));
}
assert.deepEqual(keys, ["a b/ü.txt", "copy", "large", "stream"]);
const grouped = await s3.send(new ListObjectsV2Command({ Bucket, Delimiter: "/" }));
assert.deepEqual(grouped.CommonPrefixes.map((entry) => entry.Prefix), ["a b/"]);

const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: "copy" }), { expiresIn: 60 });
assert.equal(await (await fetch(url)).text(), "hello");
const putUrl = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: "by-url" }));
assert.equal((await fetch(putUrl, { method: "PUT", body: "sent" })).status, 200);

await assert.rejects(s3.send(new GetObjectCommand({ Bucket, Key: "none" })), { name: "NoSuchKey" });
const stranger = new S3Client({ forcePathStyle: true,
  credentials: { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: "wrong" } });
await assert.rejects(stranger.send(new ListObjectsV2Command({ Bucket })),
                     { name: "SignatureDoesNotMatch" });

await s3.send(new DeleteObjectsCommand({ Bucket, Delete: {
  Objects: [...keys, "by-url"].map((Key) => ({ Key })) } }));
await s3.send(new DeleteBucketCommand({ Bucket }));

const lambda = new LambdaClient({});
const answer = await lambda.send(new InvokeCommand({
  FunctionName: "greet", Payload: JSON.stringify({ who: "Anna" }), LogType: "Tail",
  ClientContext: Buffer.from(JSON.stringify({ custom: { a: "b" } })).toString("base64") }));
const result = JSON.parse(Buffer.from(answer.Payload).toString());
assert.deepEqual(result, { greeting: "Hello Anna", custom: { a: "b" } });
assert.match(Buffer.from(answer.LogResult, "base64").toString(), /greeting Anna/);
const failed = await lambda.send(new InvokeCommand({
  FunctionName: "greet", Payload: JSON.stringify({ fail: true }) }));
assert.equal(failed.FunctionError, "Unhandled");
const names = [];
for await (const page of paginateListFunctions({ client: lambda, pageSize: 2 }, {})) {
  names.push(...page.Functions.map((each) => each.FunctionName));
}
assert.ok(names.includes("greet"));
await assert.rejects(lambda.send(new GetFunctionCommand({ FunctionName: "none" })),
                     { name: "ResourceNotFoundException" });
