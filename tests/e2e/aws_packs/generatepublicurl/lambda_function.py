import boto3


def lambda_handler(event, context):
    """
    Generate a public URL for an image that was uploaded to S3.

    Args:
        uploaded_bucket (str): the bucket of the image
        uploaded_key (str): the key of the image
    """
    url = boto3.client("s3").generate_presigned_url(
        "get_object",
        Params={"Bucket": event["uploaded_bucket"], "Key": event["uploaded_key"]},
        ExpiresIn=event.get("expires_in", 3600),
    )
    return {"public_url": url}
