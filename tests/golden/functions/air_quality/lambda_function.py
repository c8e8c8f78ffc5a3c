def lambda_handler(event, context):
    return {"index": int(event["lat"]), "dust": [event["lat"] / 10, event["lon"] / 10]}
