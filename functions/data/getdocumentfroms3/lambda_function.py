"""Retrieves a document from an S3 bucket, as base64 text."""
import base64
import os

import boto3
from botocore.exceptions import ClientError

# boto3 knows the variable since 1.28; on AWS it is unset and means nothing.
s3 = boto3.client("s3", endpoint_url=os.environ.get("AWS_ENDPOINT_URL_S3"))

# 6 MB of payload, four characters for three bytes, and room for what surrounds them.
MAX_BYTES = 4_400_000


def lambda_handler(event, context):
    bucket, key = event["bucket"], event["key"]
    try:
        found = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchBucket", "404"):
            raise FileNotFoundError(
                f"there is no object {key!r} in the bucket {bucket!r}") from None
        raise
    with found["Body"] as body:
        if found["ContentLength"] > MAX_BYTES:
            raise ValueError(
                f"{key!r} has {found['ContentLength']} bytes; an answer holds {MAX_BYTES}")
        data = body.read()
    return {"document": base64.b64encode(data).decode("ascii"),
            "content_type": found["ContentType"]}
