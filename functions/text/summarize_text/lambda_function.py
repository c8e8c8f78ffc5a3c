"""Lead summary: the opening sentences of a text."""
import logging
import os
import re

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def lambda_handler(event, context):
    text = event["text"].strip()
    if not text:
        raise ValueError("the text is empty: there is nothing to summarize")
    limit = int(event.get("max_sentences", 2))
    return {"summary": " ".join(SENTENCE_END.split(text)[:limit])}
