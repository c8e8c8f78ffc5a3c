"""Address book: the mobile phone number of a user."""
import logging

logger = logging.getLogger()

NUMBERS = {
    "anna_123": "+351210000123",
    "ben_456": "+4722000456",
    "carla_789": "+33472000789",
    "dana_321": "+3545000321",
}


def lambda_handler(event, context):
    user_id = event["user_id"]
    if user_id not in NUMBERS:
        raise ValueError(f"user id {user_id!r} has no phone number on file")
    return {"phone_number": NUMBERS[user_id]}
