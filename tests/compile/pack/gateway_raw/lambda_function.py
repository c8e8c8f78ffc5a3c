import json
import os


def lambda_handler(event, context):
    path = os.path.join(os.environ["AE_STATE_DIR"], f"{event['run']}.{event['step']}")
    with open(path, "a+", encoding="utf-8") as calls:
        calls.write(".")
        calls.flush()
        attempt = calls.tell()
    if attempt <= event["failures"]:
        return {"statusCode": 503, "body": json.dumps({"message": f"{event['step']} is busy"})}
    body = {"value": event.get("value"), "attempts": attempt}
    if event["style"] == "bare":
        return body
    if event["style"] == "object":
        return {"statusCode": 200, "body": body}
    text = json.dumps(body)
    return {"statusCode": 201, "body": f" \n{text}\n" if event["style"] == "spaced" else text}
