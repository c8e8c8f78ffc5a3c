"""Changes the case of the letters of a text."""
import logging

logger = logging.getLogger()

STYLES = {"upper": str.upper, "lower": str.lower, "capitalized": str.capitalize}


def lambda_handler(event, context):
    style = event["letter_case"]
    if style not in STYLES:
        raise ValueError(f"unknown letter case {style!r}; known: {', '.join(STYLES)}")
    return {"changed_text": STYLES[style](event["text"])}
