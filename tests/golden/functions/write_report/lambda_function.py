import json


def lambda_handler(event, context):
    facts = json.dumps(event.get("facts"), ensure_ascii=False, sort_keys=True)
    style = json.dumps(event.get("style", {}), ensure_ascii=False, sort_keys=True)
    return {"text": f"{event['title']}: {facts} {style}"}
