"""Reverse address book: whose e-mail address is this?"""
import logging

logger = logging.getLogger()

OWNERS = {
    "anna@example.com": "anna_123",
    "ben@example.com": "ben_456",
    "carla@example.org": "carla_789",
    "dana@example.net": "dana_321",
}


def lambda_handler(event, context):
    email = event["email"].strip().lower()
    if email not in OWNERS:
        raise ValueError(f"no user is registered with the address {email!r}")
    return {"user_id": OWNERS[email]}
