"""Guesses the language of a text from its commonest short words."""
import logging
import re

logger = logging.getLogger()

LANGUAGES = ("English", "German", "French", "Spanish")
STOP_WORDS = (
    {"the", "and", "is", "of", "to", "in", "you", "are", "good"},
    {"der", "die", "das", "und", "ist", "nicht", "wie", "es", "dir", "guten"},
    {"le", "la", "les", "et", "est", "vous", "bonjour", "une", "des"},
    {"el", "los", "las", "y", "es", "que", "por", "una", "buenos"},
)


def lambda_handler(event, context):
    words = re.findall(r"\w+", event["text"].lower())
    scores = [sum(word in stops for word in words) for stops in STOP_WORDS]
    best = max(scores)
    if best == 0:
        raise ValueError("cannot tell the language: no word of the text is known")
    return {"language": LANGUAGES[scores.index(best)]}
