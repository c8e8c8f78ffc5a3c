"""Reads a document of the company handbook."""
import functools
import logging

logger = logging.getLogger()

TITLES = ("Travel Policy", "Onboarding Guide", "Style Guide")
CONTENTS = (
    "Trains come first for trips under six hours. Flights need approval from a team lead. "
    "Receipts are due within two weeks. Hotels are refunded up to the local limit.",
    "Welcome aboard. Pick up your badge at the front desk. Your laptop waits on the second floor. "
    "Ask your mentor anything.",
    "Write short sentences. Prefer the active voice. Name things after what they do.",
)


@functools.lru_cache(maxsize=1)
def shelf():
    return {title.casefold(): content for title, content in zip(TITLES, CONTENTS)}


def lambda_handler(event, context):
    title = event["document_title"].strip()
    content = shelf().get(title.casefold())
    if content is None:
        raise ValueError(f"no document called {title!r}; there are: {', '.join(TITLES)}")
    logger.info("read %s, %d characters", title, len(content))
    return {"content": content}
