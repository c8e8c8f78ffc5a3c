"""Books a seat on a train."""
import datetime
import re

from bookings import book

TRAIN_ID = re.compile(r"[A-Z]{3}-\d{4}")


def lambda_handler(event, context):
    train = event["train_id"]
    if not TRAIN_ID.fullmatch(train):
        raise ValueError(f"{train!r} is no train that can be booked")
    try:
        day = datetime.date.fromisoformat(event["date"]).isoformat()
    except ValueError:
        raise ValueError("the day of departure is not a date; write it as YYYY-MM-DD") from None
    return {"booking_reference": book("train", f"{train} on {day}", event["passenger"])}
