"""A wall-clock time of one time zone on the clocks of another."""
import datetime
import zoneinfo


def zone_of(name):
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; write it as Europe/Oslo") from None


def lambda_handler(event, context):
    date, time = event["date"], event["time"]
    try:
        wall = datetime.datetime.fromisoformat(f"{date}T{time}")
    except ValueError:
        raise ValueError(f"{date} {time} is no date and time; write 2026-12-24 and 18:00") from None
    moment = wall.replace(tzinfo=zone_of(event["from_time_zone"]))
    # An hour that the clocks skip in spring does not come back the same from UTC.
    if moment.astimezone(datetime.UTC).astimezone(moment.tzinfo).replace(tzinfo=None) != wall:
        raise ValueError(f"the clocks are put forward: {time} does not exist there on {date}")
    there = moment.astimezone(zone_of(event["to_time_zone"]))
    return {"converted_time": f"{there:%H:%M}", "converted_date": f"{there:%Y-%m-%d}"}
