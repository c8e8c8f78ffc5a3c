"""Adds an event to a user's calendar; adding the same event again changes nothing."""
import datetime
import json
import logging
import os
import tempfile

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))


def store(record):
    folder = os.environ.get("AE_STATE_DIR") or tempfile.gettempdir()
    line = json.dumps(record, sort_keys=True) + "\n"
    with open(os.path.join(folder, "calendar.jsonl"), "a+", encoding="utf-8") as calendar:
        calendar.seek(0)
        if line in calendar:
            logger.info("the event is in the calendar already")
        else:
            calendar.write(line)


def lambda_handler(event, context):
    title = event["title"].strip()
    if not title:
        raise ValueError("an event needs a title")
    try:
        day = datetime.date.fromisoformat(event["date"]).isoformat()
    except ValueError:
        raise ValueError("the day of the event is not a date; write it as YYYY-MM-DD") from None
    start, user = event.get("start_time", "09:00"), event["user_id"]
    store({"user_id": user, "date": day, "start_time": start, "title": title})
    return {"confirmation": f"{title}: {day} at {start} for {user}"}
