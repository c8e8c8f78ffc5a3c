"""Writes down that it was called, takes its time, answers."""

import json
import os
import time


def lambda_handler(event, context):
    record = {"function": context.function_name, "tag": event["tag"], "at": time.time()}
    path = os.path.join(os.environ["AE_STATE_DIR"], "calls.jsonl")
    with open(path, "a", encoding="utf-8") as calls:
        calls.write(json.dumps(record) + "\n")
    time.sleep(0.02)
    return {"tag": event["tag"]}
