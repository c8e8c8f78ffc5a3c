def lambda_handler(event, context):
    return {"tag": event["tag"]}
