"""Books a seat on a flight."""
import re

from bookings import book

FLIGHT_ID = re.compile(r"AE\d{3}-([A-Z]{3})-([A-Z]{3})-(\d{8})")


def lambda_handler(event, context):
    flight = event["flight_id"]
    if not FLIGHT_ID.fullmatch(flight):
        raise ValueError(f"{flight!r} is no flight that can be booked")
    return {"booking_reference": book("flight", flight, event["passenger"])}
