"""The cheapest flight of a day."""
from flights import flights_on


def lambda_handler(event, context):
    offers = flights_on(event["date"], event["origin"], event["destination"])
    best = min(offers, key=lambda flight: (flight["price"], flight["departure_time"]))
    return {"flight_id": best["flight_id"], "fare": best["price"], "currency": "EUR",
            "departure_time": best["departure_time"]}
