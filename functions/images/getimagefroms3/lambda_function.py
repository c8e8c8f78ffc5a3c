"""Retrieves an image from an S3 bucket, as base64 text that fits into a Lambda payload."""
import base64
import io
import logging
import os

import boto3
from botocore.exceptions import ClientError
from PIL import Image, ImageOps, UnidentifiedImageError

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

# boto3 knows the variable since 1.28; on AWS it is unset and means nothing.
s3 = boto3.client("s3", endpoint_url=os.environ.get("AWS_ENDPOINT_URL_S3"))

MAX_OBJECT_BYTES = 64_000_000
MAX_PIXELS = 50_000_000
# 6 MB of payload, four characters for three bytes, and room for what surrounds them.
MAX_PAYLOAD_BYTES = 4_400_000
SIDES_TO_TRY = (4096, 3072, 2048, 1024)


def fetch(bucket, key):
    try:
        found = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            raise FileNotFoundError(
                f"there is no object {key!r} in the bucket {bucket!r}") from None
        if error.response["Error"]["Code"] == "NoSuchBucket":
            raise FileNotFoundError(f"there is no bucket {bucket!r}") from None
        raise
    with found["Body"] as body:
        if found["ContentLength"] > MAX_OBJECT_BYTES:
            raise ValueError(f"{key!r} has {found['ContentLength']} bytes, which is no photo; up "
                             f"to {MAX_OBJECT_BYTES} are read")
        return body.read()


def reduced(picture):
    """A JPEG that fits: photographs of today do not, and nobody looks at 50 megapixels."""
    upright = ImageOps.exif_transpose(picture).convert("RGB")
    for side in SIDES_TO_TRY:
        upright.thumbnail((side, side), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        upright.save(out, "JPEG", quality=90)
        if out.tell() <= MAX_PAYLOAD_BYTES:
            return out.getvalue()
    raise ValueError("the image does not fit into an answer at any size that was tried")


def lambda_handler(event, context):
    bucket, key = event["bucket"], event["key"]
    data = fetch(bucket, key)
    try:
        picture = Image.open(io.BytesIO(data))
        if picture.width * picture.height > MAX_PIXELS:
            raise ValueError(f"{key!r} has {picture.width}x{picture.height} pixels, too many")
        content_type = Image.MIME[picture.format]
        if len(data) > MAX_PAYLOAD_BYTES:
            logger.info("%d bytes are too many for an answer: reduced", len(data))
            data, content_type = reduced(picture), "image/jpeg"
    except Image.DecompressionBombError:
        raise ValueError(f"{key!r} has far too many pixels") from None
    except UnidentifiedImageError:
        raise ValueError(f"{key!r} is no image that can be read") from None
    except (OSError, SyntaxError):
        raise ValueError(f"the image {key!r} is damaged") from None
    return {"image": base64.b64encode(data).decode("ascii"), "content_type": content_type}
