"""The flight of a day that takes least time."""
from flights import flights_on


def lambda_handler(event, context):
    offers = flights_on(event["date"], event["origin"], event["destination"])
    best = min(offers, key=lambda flight: (flight["duration_minutes"], flight["departure_time"]))
    return {"flight_id": best["flight_id"], "flight_minutes": best["duration_minutes"],
            "departure_time": best["departure_time"]}
