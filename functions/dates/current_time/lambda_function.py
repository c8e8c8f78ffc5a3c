"""What the clocks of a time zone show, now or at a moment that the caller names."""
import datetime
import zoneinfo


def moment_of(text):
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no moment; write it as 2026-12-24T18:00:00+00:00") from None
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} says no offset from UTC, so it is no moment")
    return moment


def lambda_handler(event, context):
    name = event["time_zone"]
    try:
        zone = zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; write it as Europe/Oslo") from None
    moment = moment_of(event["at"]) if "at" in event else datetime.datetime.now(datetime.UTC)
    local = moment.astimezone(zone)
    return {"local_time": f"{local:%H:%M}", "local_date": f"{local:%Y-%m-%d}"}
