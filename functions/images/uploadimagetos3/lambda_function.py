"""Stores an image in an S3 bucket. Equal pictures get equal keys, so that twice is once."""
import base64
import binascii
import hashlib
import io
import logging
import os

import boto3
from botocore.exceptions import ClientError
from PIL import Image, UnidentifiedImageError

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

# boto3 knows the variable since 1.28; on AWS it is unset and means nothing.
s3 = boto3.client("s3", endpoint_url=os.environ.get("AWS_ENDPOINT_URL_S3"))


def decode(text):
    """The bytes, and the media type that they really have."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the image is not base64 text") from None
    try:
        return data, Image.MIME[Image.open(io.BytesIO(data)).format]
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError):
        raise ValueError("refusing to store what is no image") from None


def refuse_to_replace(bucket, key, digest):
    """An object of that name is left alone, unless it is this picture."""
    try:
        known = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
            return
        if error.response["Error"]["Code"] == "NoSuchBucket":
            raise FileNotFoundError(f"there is no bucket {bucket!r}") from None
        raise
    if known["Metadata"].get("sha256") != digest:
        raise FileExistsError(f"{bucket}/{key} is another object already; choose another key")


def lambda_handler(event, context):
    data, media_type = decode(event["image"])
    digest = hashlib.sha256(data).hexdigest()
    bucket = event.get("bucket") or os.environ["IMAGE_BUCKET"]
    key = event.get("key") or f"images/{digest[:20]}.{media_type.rpartition('/')[2]}"
    refuse_to_replace(bucket, key, digest)
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=data, ContentType=media_type,
                      Metadata={"sha256": digest})
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucket":
            raise FileNotFoundError(f"there is no bucket {bucket!r}") from None
        raise
    logger.info("stored %d bytes as %s/%s", len(data), bucket, key)
    return {"bucket": bucket, "key": key}
