"""The flights of one day between two cities, computed from where the cities lie.

The same file lies beside every handler that searches flights: a Lambda package stands alone.
"""
import datetime
import math

# city -> (airport code, latitude, longitude)
AIRPORTS = {
    "Oslo": ("OSL", 59.91, 10.75),
    "Lisbon": ("LIS", 38.72, -9.14),
    "Lyon": ("LYS", 45.76, 4.84),
    "Reykjavik": ("KEF", 64.15, -21.94),
    "Nairobi": ("NBO", -1.29, 36.82),
    "Kyoto": ("KIX", 35.01, 135.77),
    "New York": ("JFK", 40.71, -74.01),
}
# number, departure, extra minutes for a stop on the way, euros per 100 km
DAILY_FLIGHTS = ((101, "07:10", 0, 14.5), (205, "11:45", 150, 8.0), (309, "18:20", 0, 11.5))
WEEKEND_SURCHARGE = 1.25
EARTH_RADIUS_KM = 6371
CRUISE_KM_PER_MINUTE = 13.0
MINUTES_ON_THE_GROUND = 35


def airport(city):
    by_name = {name.casefold(): place for name, place in AIRPORTS.items()}
    place = by_name.get(city.strip().casefold())
    if place is None:
        raise ValueError(f"no flights to or from {city!r}; there are: {', '.join(AIRPORTS)}")
    return place


def distance_km(one, other):
    (lat1, lon1), (lat2, lon2) = (map(math.radians, place[1:]) for place in (one, other))
    across = math.sin((lat2 - lat1) / 2) ** 2
    across += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(across))


def flights_on(day, origin, destination):
    """Offers as dictionaries: flight_id, price in EUR, departure_time, duration_minutes."""
    try:
        date = datetime.date.fromisoformat(day)
    except ValueError:
        raise ValueError(f"{day!r} is not a date; write it as YYYY-MM-DD") from None
    start, end = airport(origin), airport(destination)
    if start == end:
        raise ValueError(f"nobody flies from {origin} to itself")
    distance = distance_km(start, end)
    busy = WEEKEND_SURCHARGE if date.weekday() >= 4 else 1
    return [
        {
            "flight_id": f"AE{number}-{start[0]}-{end[0]}-{date:%Y%m%d}",
            "price": round(busy * (30 + distance / 100 * rate), 2),
            "departure_time": departure,
            "duration_minutes":
                MINUTES_ON_THE_GROUND + extra + round(distance / CRUISE_KM_PER_MINUTE),
        }
        for number, departure, extra, rate in DAILY_FLIGHTS
    ]
