import hashlib
import json
import re


def lambda_handler(event, context):
    # 1e20 and 100000000000000000000 are the same to JSON, and so they are here.
    text = json.dumps(json.loads(json.dumps(event), parse_int=float), sort_keys=True)
    # Runs of one workflow differ in their key alone, which must not show in what they compute.
    digest = hashlib.sha256(re.sub("-two(-[a-z]+)?", "-one", text).encode()).hexdigest()[:8]
    return {
        "echo": event,
        "digest": digest,
        "count": len(event),
        "ratio": int(digest, 16) / 256,
        "flag": int(digest, 16) % 2 == 0,
        "nothing": None,
        "list": [digest, [len(event)], {"in": digest}],
        "one": [digest],
        "none": [],
        "nested": {"inner": {"leaf": "it's " + digest, "leaves": [[digest]]}},
        "odd name": "odd " + digest,
    }
