"""Books a room in a hotel."""
import datetime
import re

from bookings import book

HOTEL_ID = re.compile(r"HTL-\d{3}")
MOST_NIGHTS = 30


def lambda_handler(event, context):
    hotel, nights = event["hotel_id"], int(event.get("nights", 1))
    if not HOTEL_ID.fullmatch(hotel):
        raise ValueError(f"{hotel!r} is no hotel that can be booked")
    if not 1 <= nights <= MOST_NIGHTS:
        raise ValueError(f"a room can be had for 1 to {MOST_NIGHTS} nights, not {nights}")
    try:
        arrival = datetime.date.fromisoformat(event["check_in"])
    except ValueError:
        raise ValueError("the day of arrival is not a date; write it as YYYY-MM-DD") from None
    departure = arrival + datetime.timedelta(days=nights)
    return {"booking_reference": book("hotel", f"{hotel} from {arrival} to {departure}",
                                      event["guest"])}
