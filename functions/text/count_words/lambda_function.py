"""Counts the words of a text."""
import logging

logger = logging.getLogger()


def lambda_handler(event, context):
    text = event["text"]
    if not isinstance(text, str):
        raise TypeError(f"can only count the words of a string, not of a {type(text).__name__}")
    return {"word_count": len(text.split())}
