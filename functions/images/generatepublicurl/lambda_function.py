"""Makes a URL at which anybody can open an object of an S3 bucket for some days (presigned)."""
import os

import boto3
from botocore.client import Config
from botocore.exceptions import ClientError

# boto3 knows the variable since 1.28; on AWS it is unset and means nothing.
s3 = boto3.client("s3", endpoint_url=os.environ.get("AWS_ENDPOINT_URL_S3"),
                  config=Config(signature_version="s3v4"))

LONGEST_SECONDS = 7 * 24 * 3600  # what the signature allows


def lambda_handler(event, context):
    bucket, key = event["bucket"], event["key"]
    seconds = int(event.get("expires_in", LONGEST_SECONDS))
    if not 0 < seconds <= LONGEST_SECONDS:
        raise ValueError(f"a public URL can hold for 1 to {LONGEST_SECONDS} seconds")
    try:
        s3.head_object(Bucket=bucket, Key=key)  # a URL that leads nowhere helps nobody
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NoSuchBucket"):
            raise FileNotFoundError(
                f"there is no object {key!r} in the bucket {bucket!r}") from None
        raise
    return {"url": s3.generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=seconds)}
