import base64
import json
import os
import uuid

import boto3

BUCKET = os.environ.get("UPLOAD_BUCKET", "uploads")


def handler(event, context):
    # Stores an image in S3 under a fresh key.
    if "resized_image" not in event:
        return {"statusCode": 400, "body": json.dumps({"error": "resized_image is missing"})}
    data = base64.b64decode(event["resized_image"])
    key = event.get("prefix", "resized/") + str(uuid.uuid4()) + ".png"
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=data, ContentType="image/png")
    return {"statusCode": 200, "body": json.dumps({"uploaded_bucket": BUCKET, "uploaded_key": key})}
