"""Resolves the name a person goes by to their user id."""
import logging
import os

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

USERS = {
    "Anna": "anna_123",
    "Ben": "ben_456",
    "Carla": "carla_789",
    "Dana": "dana_321",
    "Emil": "emil_654",
}

# Built once per container, so that warm calls are a single lookup.
BY_FOLDED_NAME = {name.casefold(): user_id for name, user_id in USERS.items()}


def lambda_handler(event, context):
    username = event["username"].strip()
    user_id = BY_FOLDED_NAME.get(username.casefold())
    if user_id is None:
        raise ValueError(f"unknown user {username!r}: nobody has signed up under this name")
    logger.info("resolved %s to %s", username, user_id)
    return {"user_id": user_id}
