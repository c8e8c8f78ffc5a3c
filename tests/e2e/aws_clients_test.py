"""AWS's own clients against the server, unchanged: the AWS CLI, boto3 (Debian's and the current
one), the JavaScript SDK. Each finds the server the way its documentation says: endpoint and keys in
the environment, as `ae env` prints them."""

import contextlib
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

import harness

HERE = pathlib.Path(__file__).resolve().parent
MB = 1 << 20

# A boto3 of PyPI, when one is to be tested instead of Debian's: its interpreter runs this file again.
CURRENT = os.environ.get("AE_TEST_CURRENT_BOTO3") == "1"


def peers():
    """The folder of the current SDKs, installed on the first call."""
    done = subprocess.run([harness.REPOSITORY / "scripts" / "peers.sh", "aws"], text=True,
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise AssertionError("scripts/peers.sh aws: " + done.stderr)
    return pathlib.Path(done.stdout.strip())


class WithServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.home = cls.stack.enter_context(harness.Home())
        cls.home.start()
        cls.folder = pathlib.Path(cls.stack.enter_context(tempfile.TemporaryDirectory()))
        printed = cls.home.ae("env")
        assert printed.returncode == 0, printed.stderr
        cls.variables = dict(re.findall(r"^export (\w+)='?([^'\n]*)'?$", printed.stdout, re.M))
        package = cls.folder / "greet"
        package.mkdir()
        (package / "lambda_function.py").write_text(
            "def lambda_handler(event, context):\n"
            "    print('greeting', event.get('who'))\n"
            "    if event.get('fail'):\n        raise ValueError('as asked')\n"
            "    custom = context.client_context.custom if context.client_context else None\n"
            "    return {'greeting': 'Hello ' + event.get('who', 'nobody'), 'custom': custom}\n")
        added = cls.home.ae("fn", "add", str(package))
        assert added.returncode == 0, added.stderr

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def environment(self, **more):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "AE_"))}
        return kept | self.variables | {"AWS_CONFIG_FILE": "/dev/null", "AWS_PAGER": "",
                                        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
                                        "AWS_EC2_METADATA_DISABLED": "true"} | more


class Environment(WithServer):
    def test_ae_env_names_what_an_sdk_looks_for_and_the_key_stays_secret(self):
        self.assertEqual(set(self.variables), {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID",
                                               "AWS_SECRET_ACCESS_KEY", "AWS_REGION",
                                               "AWS_DEFAULT_REGION"})
        self.assertEqual(self.variables["AWS_ENDPOINT_URL"], self.home.url)
        home = self.home.path / "home"
        self.assertEqual((home / "aws_credentials").stat().st_mode & 0o777, 0o600)
        secret = self.variables["AWS_SECRET_ACCESS_KEY"].encode()
        for database in home.glob("*.db*"):
            self.assertNotIn(secret, database.read_bytes(), database)


class CommandLine(WithServer):
    """Debian's awscli, version 2."""

    def aws(self, *arguments, code=0, **more):
        done = subprocess.run(["/usr/bin/aws", "--endpoint-url", self.home.url, *arguments],
                              text=True, capture_output=True, timeout=300, check=False,
                              env=self.environment(**more), cwd=self.folder)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code == 0 else done.stderr

    def test_files_of_64_mb_go_up_in_parts_and_come_down_whole(self):
        self.aws("s3", "mb", "s3://cli")
        source = self.folder / "large.bin"
        source.write_bytes(os.urandom(64 * MB))
        self.aws("s3", "cp", "large.bin", "s3://cli/a b/large.bin")
        self.assertIn("67108864", self.aws("s3", "ls", "s3://cli", "--recursive"))
        self.aws("s3", "cp", "s3://cli/a b/large.bin", "back.bin")
        self.assertEqual(digest(source), digest(self.folder / "back.bin"))
        etag = json.loads(self.aws("s3api", "head-object", "--bucket", "cli", "--key",
                                   "a b/large.bin"))["ETag"]
        self.assertRegex(etag, r'^"[0-9a-f]{32}-8"$')
        self.aws("s3", "cp", "s3://cli/a b/large.bin", "s3://cli/copy.bin")  # UploadPartCopy
        self.aws("s3", "mv", "s3://cli/copy.bin", "s3://cli/moved.bin")
        folder = self.folder / "tree"
        (folder / "sub").mkdir(parents=True)
        for name in ("a.txt", "sub/b.txt", "sub/c+d.txt"):
            (folder / name).write_text(name)
        self.aws("s3", "sync", "tree", "s3://cli/tree")
        self.assertEqual(self.aws("s3", "sync", "tree", "s3://cli/tree"), "")
        self.assertIn("PRE sub/", self.aws("s3", "ls", "s3://cli/tree/"))
        url = self.aws("s3", "presign", "s3://cli/tree/sub/c+d.txt").strip()
        self.assertEqual(fetch(url), b"sub/c+d.txt")
        self.assertIn("BucketNotEmpty", self.aws("s3", "rb", "s3://cli", code=1))
        self.aws("s3", "rb", "s3://cli", "--force")
        self.assertNotIn("cli", self.aws("s3", "ls"))

    def test_wrong_keys_are_refused(self):
        self.assertIn("SignatureDoesNotMatch",
                      self.aws("s3api", "list-buckets", code=254, AWS_SECRET_ACCESS_KEY="wrong"))
        self.assertIn("InvalidAccessKeyId",
                      self.aws("s3api", "list-buckets", code=254, AWS_ACCESS_KEY_ID="AKIDNOBODY"))

    def test_functions_are_listed_and_invoked(self):
        names = json.loads(self.aws("lambda", "list-functions"))["Functions"]
        self.assertIn("greet", [each["FunctionName"] for each in names])
        meta = json.loads(self.aws("lambda", "invoke", "--function-name", "greet", "--payload",
                                   '{"who": "Anna"}', "--cli-binary-format", "raw-in-base64-out",
                                   "--log-type", "Tail", "out.json"))
        self.assertEqual(meta["StatusCode"], 200)
        self.assertEqual(json.loads((self.folder / "out.json").read_text())["greeting"],
                         "Hello Anna")
        self.assertIn("ResourceNotFoundException",
                      self.aws("lambda", "get-function", "--function-name", "none", code=254))


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(url, method="GET", data=None, headers=None):
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


class Boto(WithServer):
    """boto3, the one that is imported."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        import boto3  # pylint: disable=import-outside-toplevel
        import botocore.config  # pylint: disable=import-outside-toplevel
        import botocore.exceptions  # pylint: disable=import-outside-toplevel
        cls.config = botocore.config.Config
        cls.error = botocore.exceptions.ClientError
        cls.session = boto3.session.Session(
            aws_access_key_id=cls.variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=cls.variables["AWS_SECRET_ACCESS_KEY"],
            region_name=cls.variables["AWS_REGION"])
        cls.clients = []
        cls.s3 = cls.client("s3")

    @classmethod
    def client(cls, service, endpoint=None, **config):
        client = cls.session.client(service, endpoint_url=endpoint or cls.home.url,
                                    config=cls.config(retries={"max_attempts": 1}, **config))
        cls.clients.append(client)
        return client

    @classmethod
    def tearDownClass(cls):
        for client in cls.clients:
            client.close()
        super().tearDownClass()

    def bucket(self):
        name = self.id().rsplit(".", 1)[1].replace("_", "-")[5:60].strip("-")
        self.s3.create_bucket(Bucket=name)
        return name

    def refused(self, code, call, **arguments):
        with self.assertRaises(self.error) as raised:
            call(**arguments)
        self.assertEqual(raised.exception.response["Error"]["Code"], code)

    def test_objects_keep_what_is_said_of_them(self):
        bucket = self.bucket()
        put = self.s3.put_object(Bucket=bucket, Key="a b/ü+&=.txt", Body=b"hello",
                                 ContentType="text/plain", CacheControl="no-store",
                                 Metadata={"by": "Anna"})
        self.assertEqual(put["ETag"], '"5d41402abc4b2a76b9719d911017c592"')
        got = self.s3.get_object(Bucket=bucket, Key="a b/ü+&=.txt")
        self.assertEqual(got["Body"].read(), b"hello")
        self.assertEqual((got["ContentType"], got["CacheControl"], got["Metadata"]),
                         ("text/plain", "no-store", {"by": "Anna"}))
        head = self.s3.head_object(Bucket=bucket, Key="a b/ü+&=.txt")
        self.assertEqual(head["ContentLength"], 5)
        part = self.s3.get_object(Bucket=bucket, Key="a b/ü+&=.txt", Range="bytes=-3")
        self.assertEqual((part["Body"].read(), part["ContentRange"]), (b"llo", "bytes 2-4/5"))
        self.refused("InvalidRange", self.s3.get_object, Bucket=bucket, Key="a b/ü+&=.txt",
                     Range="bytes=5-")
        self.refused("304", self.s3.get_object, Bucket=bucket, Key="a b/ü+&=.txt",
                     IfNoneMatch=put["ETag"])
        self.refused("PreconditionFailed", self.s3.get_object, Bucket=bucket, Key="a b/ü+&=.txt",
                     IfMatch='"other"')
        self.refused("NoSuchKey", self.s3.get_object, Bucket=bucket, Key="none")
        self.refused("404", self.s3.head_object, Bucket=bucket, Key="none")
        self.refused("NoSuchBucket", self.s3.list_objects_v2, Bucket="no-such-bucket")
        self.s3.delete_object(Bucket=bucket, Key="a b/ü+&=.txt")
        self.s3.delete_object(Bucket=bucket, Key="a b/ü+&=.txt")

    def test_listings_are_paged_and_grouped(self):
        bucket = self.bucket()
        keys = [f"{folder}/{name}" for folder in "abc" for name in range(4)] + ["top", "weird\x01é"]
        for key in keys:
            self.s3.put_object(Bucket=bucket, Key=key, Body=b"")
        for operation in ("list_objects_v2", "list_objects"):
            pages = self.s3.get_paginator(operation).paginate(
                Bucket=bucket, PaginationConfig={"PageSize": 3})
            found = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
            self.assertEqual(found, sorted(keys), operation)
            pages = self.s3.get_paginator(operation).paginate(
                Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 2})
            groups = [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])]
            self.assertEqual(groups, ["a/", "b/", "c/"], operation)
        answer = self.s3.delete_objects(Bucket=bucket, Delete={
            "Objects": [{"Key": key} for key in keys[:-1]] + [{"Key": "never there"}]})
        self.assertEqual(len(answer["Deleted"]), len(keys))
        self.assertNotIn("Errors", answer)
        left = self.s3.list_objects_v2(Bucket=bucket)
        self.assertEqual(left["KeyCount"], 1)

    def test_copies_keep_or_replace_what_is_said(self):
        bucket = self.bucket()
        self.s3.put_object(Bucket=bucket, Key="a/ü b", Body=b"data", Metadata={"k": "v"})
        source = {"Bucket": bucket, "Key": "a/ü b"}
        self.s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)
        self.assertEqual(self.s3.head_object(Bucket=bucket, Key="copy")["Metadata"], {"k": "v"})
        self.s3.copy_object(Bucket=bucket, Key="copy", CopySource=source,
                            MetadataDirective="REPLACE", Metadata={"n": "w"})
        self.assertEqual(self.s3.head_object(Bucket=bucket, Key="copy")["Metadata"], {"n": "w"})
        self.refused("InvalidRequest", self.s3.copy_object, Bucket=bucket, Key="a/ü b",
                     CopySource=source)
        self.refused("NoSuchKey", self.s3.copy_object, Bucket=bucket, Key="x",
                     CopySource={"Bucket": bucket, "Key": "none"})

    def test_uploads_in_parts(self):
        bucket = self.bucket()
        upload = self.s3.create_multipart_upload(Bucket=bucket, Key="big", ContentType="a/b")
        here = {"Bucket": bucket, "Key": "big", "UploadId": upload["UploadId"]}
        first = self.s3.upload_part(PartNumber=1, Body=b"x" * (5 * MB), **here)
        self.s3.put_object(Bucket=bucket, Key="source", Body=b"0123456789")
        second = self.s3.upload_part_copy(PartNumber=2, CopySource=f"{bucket}/source",
                                          CopySourceRange="bytes=2-5", **here)
        self.assertEqual([p["PartNumber"] for p in self.s3.list_parts(**here)["Parts"]], [1, 2])
        listed = self.s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
        self.assertEqual([u["Key"] for u in listed], ["big"])
        parts = [{"PartNumber": 1, "ETag": first["ETag"]},
                 {"PartNumber": 2, "ETag": second["CopyPartResult"]["ETag"]}]
        self.refused("InvalidPartOrder", self.s3.complete_multipart_upload,
                     MultipartUpload={"Parts": parts[::-1]}, **here)
        self.refused("InvalidPart", self.s3.complete_multipart_upload, MultipartUpload={
            "Parts": [{"PartNumber": 1, "ETag": '"0"'}]}, **here)
        self.s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **here)
        whole = self.s3.get_object(Bucket=bucket, Key="big")
        self.assertEqual(whole["ContentType"], "a/b")
        self.assertEqual(whole["Body"].read(), b"x" * (5 * MB) + b"2345")
        self.refused("NoSuchUpload", self.s3.complete_multipart_upload,
                     MultipartUpload={"Parts": parts}, **here)
        small = self.s3.create_multipart_upload(Bucket=bucket, Key="small")
        here = {"Bucket": bucket, "Key": "small", "UploadId": small["UploadId"]}
        parts = [{"PartNumber": n, "ETag": self.s3.upload_part(PartNumber=n, Body=b"x", **here)["ETag"]}
                 for n in (1, 2)]
        self.refused("EntityTooSmall", self.s3.complete_multipart_upload,
                     MultipartUpload={"Parts": parts}, **here)
        self.s3.abort_multipart_upload(**here)
        self.assertNotIn("Uploads", self.s3.list_multipart_uploads(Bucket=bucket))

    def test_streams_and_files_of_many_parts(self):
        bucket = self.bucket()
        data = os.urandom(20 * MB + 7)
        self.s3.upload_fileobj(io.BytesIO(data), bucket, "stream")
        target = io.BytesIO()
        self.s3.download_fileobj(bucket, "stream", target)
        self.assertEqual(target.getvalue(), data)

    def test_presigned_urls_work_for_anybody_until_they_expire(self):
        bucket = self.bucket()
        for version in ("s3v4", "s3"):
            for style in ("path", "virtual"):
                endpoint = self.home.url.replace("127.0.0.1", "localhost")
                client = self.client("s3", endpoint, signature_version=version,
                                     s3={"addressing_style": style})
                put = client.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k y"})
                local = put.replace(f"{bucket}.localhost", "localhost")
                host = {"Host": f"{bucket}.{endpoint[7:]}"} if style == "virtual" else {}
                fetch(local, "PUT", b"by url", {**host, "Content-Type": ""})
                get = client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k y"})
                local = get.replace(f"{bucket}.localhost", "localhost")
                self.assertEqual(fetch(local, headers=host), b"by url")
                with self.assertRaises(urllib.error.HTTPError) as refused:
                    fetch(local.replace("k%20y", "other"), headers=host)
                self.assertEqual(refused.exception.code, 403)
                refused.exception.close()
        url = self.s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k y"},
                                             ExpiresIn=-1)
        with self.assertRaises(urllib.error.HTTPError) as refused:
            fetch(url)
        self.assertIn(refused.exception.code, (400, 403))
        refused.exception.close()

    def test_what_is_public_needs_no_signature(self):
        bucket = self.bucket()
        self.s3.put_object(Bucket=bucket, Key="open", Body=b"o", ACL="public-read")
        self.s3.put_object(Bucket=bucket, Key="closed", Body=b"c")
        self.assertEqual(fetch(f"{self.home.url}/{bucket}/open"), b"o")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            fetch(f"{self.home.url}/{bucket}/closed")
        self.assertEqual(refused.exception.code, 403)
        refused.exception.close()
        self.s3.put_object_acl(Bucket=bucket, Key="closed", ACL="public-read")
        self.assertEqual(fetch(f"{self.home.url}/{bucket}/closed"), b"c")
        grants = self.s3.get_object_acl(Bucket=bucket, Key="closed")["Grants"]
        self.assertIn("READ", [grant["Permission"] for grant in grants])

    def test_buckets(self):
        bucket = self.bucket()
        self.assertIn(bucket, [b["Name"] for b in self.s3.list_buckets()["Buckets"]])
        self.s3.head_bucket(Bucket=bucket)
        self.assertIsNone(self.s3.get_bucket_location(Bucket=bucket)["LocationConstraint"])
        self.refused("BucketAlreadyOwnedByYou", self.s3.create_bucket, Bucket=bucket)
        self.refused("InvalidBucketName", self.s3.create_bucket, Bucket="healthz")
        self.refused("NotImplemented", self.s3.get_bucket_policy, Bucket=bucket)
        self.s3.delete_bucket(Bucket=bucket)
        self.refused("404", self.s3.head_bucket, Bucket=bucket)

    def test_checksums_are_checked_and_kept(self):
        bucket = self.bucket()
        for name in ("CRC32", "SHA1", "SHA256"):
            self.s3.put_object(Bucket=bucket, Key=name, Body=io.BytesIO(b"hello" * 1000),
                               ChecksumAlgorithm=name)
            head = self.s3.head_object(Bucket=bucket, Key=name, ChecksumMode="ENABLED")
            self.assertIn(f"Checksum{name}", head)
            got = self.s3.get_object(Bucket=bucket, Key=name, ChecksumMode="ENABLED")
            self.assertEqual(got["Body"].read(), b"hello" * 1000)
        self.refused("BadDigest", self.s3.put_object, Bucket=bucket, Key="bad", Body=b"x",
                     ChecksumSHA256="AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")

    def test_functions(self):
        client = self.client("lambda")
        answer = client.invoke(FunctionName="greet", Payload=b'{"who": "Anna"}', LogType="Tail")
        self.assertEqual(json.load(answer["Payload"])["greeting"], "Hello Anna")
        self.assertEqual(answer["ExecutedVersion"], "$LATEST")
        self.assertIn("LogResult", answer)
        failed = client.invoke(FunctionName="greet", Payload=b'{"fail": true}')
        self.assertEqual(failed["FunctionError"], "Unhandled")
        self.assertEqual(json.load(failed["Payload"])["errorType"], "ValueError")
        self.assertEqual(client.invoke(FunctionName="greet", InvocationType="DryRun")["StatusCode"],
                         204)
        self.assertEqual(client.invoke(FunctionName="greet", InvocationType="Event",
                                       Payload=b"{}")["StatusCode"], 202)
        function = client.get_function(FunctionName="greet")["Configuration"]
        self.assertEqual(function["Handler"], "lambda_function.lambda_handler")
        answer = client.invoke(FunctionName=function["FunctionArn"])
        self.assertEqual(answer["StatusCode"], 200)
        pages = client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2})
        self.assertIn("greet", [f["FunctionName"] for page in pages for f in page["Functions"]])
        with self.assertRaises(client.exceptions.ResourceNotFoundException):
            client.invoke(FunctionName="none")


@unittest.skipIf(CURRENT, "runs once")
class Peers(WithServer):
    def test_the_current_boto3_does_all_of_it_too(self):
        python = peers() / "python" / "bin" / "python"
        done = subprocess.run([python, "-B", __file__, "Boto"], text=True, capture_output=True,
                              timeout=600, check=False,
                              env={**os.environ, "AE_TEST_CURRENT_BOTO3": "1"})
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_javascript_sdk(self):
        folder = self.folder / "js"
        folder.mkdir()
        shutil.copy(HERE / "aws_clients_test.mjs", folder)
        (folder / "node_modules").symlink_to(peers() / "node_modules")
        done = subprocess.run(["node", "aws_clients_test.mjs"], cwd=folder, text=True,
                              capture_output=True, timeout=300, check=False,
                              env=self.environment())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
