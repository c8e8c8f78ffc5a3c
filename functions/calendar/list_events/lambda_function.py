"""Lists what stands in a user's calendar on one day."""
import datetime
import json
import logging
import os
import tempfile

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

# (user, day) -> events imported from the old calendar
IMPORTED = {
    ("dana_321", "2026-12-24"): [("16:00", "Gift exchange"), ("10:30", "Dentist")],
    ("anna_123", "2026-12-24"): [("18:00", "Choir concert")],
}


def added_since(user, day):
    folder = os.environ.get("AE_STATE_DIR") or tempfile.gettempdir()
    try:
        with open(os.path.join(folder, "calendar.jsonl"), encoding="utf-8") as calendar:
            records = [json.loads(line) for line in calendar]
    except FileNotFoundError:
        return []
    return [
        (record["start_time"], record["title"])
        for record in records
        if (record.get("user_id"), record.get("date")) == (user, day)
    ]


def lambda_handler(event, context):
    user, day = event["user_id"], event["date"]
    try:
        datetime.date.fromisoformat(day)
    except ValueError:
        raise ValueError(f"{day!r} is not a date; write it as YYYY-MM-DD") from None
    found = sorted(IMPORTED.get((user, day), []) + added_since(user, day))
    return {"events": [{"start_time": start, "title": title} for start, title in found]}
