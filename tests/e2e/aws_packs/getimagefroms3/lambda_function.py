import base64
import os

import boto3

s3 = boto3.client("s3")


def lambda_handler(event, context):
    bucket = event.get("bucket", os.environ.get("BUCKET_NAME", "uploads"))
    key = event["key"]
    obj = s3.get_object(Bucket=bucket, Key=key)
    image = base64.b64encode(obj["Body"].read()).decode("utf-8")
    return {"image": image, "content_type": obj["ContentType"]}
