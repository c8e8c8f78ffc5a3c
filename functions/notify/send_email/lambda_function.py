"""Queues an e-mail in the local outbox, one JSON object per line."""
import json
import logging
import os
import tempfile

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))


def append_to_outbox(record):
    folder = os.environ.get("AE_STATE_DIR") or tempfile.gettempdir()
    # One write in append mode, so that concurrent invocations cannot interleave within a line.
    with open(os.path.join(folder, "outbox.jsonl"), "a", encoding="utf-8") as outbox:
        outbox.write(json.dumps(record) + "\n")


def lambda_handler(event, context):
    address, text = event["to"], event["body"]
    if "@" not in address:
        raise ValueError(f"{address!r} is not an e-mail address")
    if not text:
        raise ValueError("refusing to send an empty e-mail")
    subject = event.get("subject", os.environ.get("DEFAULT_SUBJECT", "Notification"))
    append_to_outbox({"channel": "mail", "to": address, "subject": subject, "body": text})
    logger.info("queued an e-mail to %s", address)
    return {"recipient": address, "delivery": "queued"}
