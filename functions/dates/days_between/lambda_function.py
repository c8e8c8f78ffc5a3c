"""Counts the days from one date to another."""
import datetime


def date_of(text):
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date; write it as YYYY-MM-DD") from None


def lambda_handler(event, context):
    return {"days": (date_of(event["end_date"]) - date_of(event["start_date"])).days}
