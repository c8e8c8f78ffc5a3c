def lambda_handler(event, context):
    return {"cleared": True}
