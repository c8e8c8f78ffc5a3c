"""Address book: the e-mail address of a user."""
import logging

logger = logging.getLogger()

ADDRESSES = {
    "anna_123": "anna@example.com",
    "ben_456": "ben@example.com",
    "carla_789": "carla@example.org",
    "dana_321": "dana@example.net",
}


def lambda_handler(event, context):
    user_id = event["user_id"]
    if user_id not in ADDRESSES:
        raise ValueError(f"user id {user_id!r} has no e-mail address on file")
    return {"email": ADDRESSES[user_id]}
