"""Returns the mood a user last reported."""
import logging
import os

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

MOODS = {
    "anna_123": "happy",
    "ben_456": "sad",
    "carla_789": "calm",
    "dana_321": "energetic",
    "emil_654": "focused",
}


def lambda_handler(event, context):
    user_id = event["user_id"]
    try:
        mood = MOODS[user_id]
    except KeyError:
        raise ValueError(f"no mood on record for user id {user_id!r}") from None
    logger.info("%s is %s", user_id, mood)
    return {"mood": mood}
