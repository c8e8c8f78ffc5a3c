"""Queues a short message (SMS) in the local outbox, one JSON object per line."""
import json
import logging
import os
import tempfile

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

# Ten concatenated messages of 153 characters: beyond that carriers start to drop parts.
MAX_CHARACTERS = 1530


def append_to_outbox(record):
    folder = os.environ.get("AE_STATE_DIR") or tempfile.gettempdir()
    with open(os.path.join(folder, "outbox.jsonl"), "a", encoding="utf-8") as outbox:
        outbox.write(json.dumps(record) + "\n")


def lambda_handler(event, context):
    number, text = event["phone_number"], event["message"]
    if not 0 < len(text) <= MAX_CHARACTERS:
        raise ValueError(f"an SMS has 1 to {MAX_CHARACTERS} characters, this one {len(text)}")
    append_to_outbox({"channel": "sms", "phone_number": number, "message": text})
    logger.info("queued an SMS to %s", number)
    return {"sms_recipient": number, "delivery": "queued"}
