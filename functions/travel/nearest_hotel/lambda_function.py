"""The hotel that is nearest to a place on the map."""
import math

from hotels import HOTELS

KM_PER_DEGREE = 111.2
REACH_KM = 50


def lambda_handler(event, context):
    latitude, longitude = float(event["latitude"]), float(event["longitude"])

    def distance_km(hotel):
        _, _, lat, lon, _ = hotel
        east = (lon - longitude) * math.cos(math.radians(latitude))
        return KM_PER_DEGREE * math.hypot(lat - latitude, east)

    hotel_id = min(HOTELS, key=lambda known: distance_km(HOTELS[known]))
    distance = distance_km(HOTELS[hotel_id])
    if distance > REACH_KM:
        raise LookupError(f"no hotel within {REACH_KM} km of {latitude}, {longitude}")
    return {"hotel_id": hotel_id, "hotel_name": HOTELS[hotel_id][0],
            "distance_km": round(distance, 1)}
