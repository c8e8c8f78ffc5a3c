"""Converts lengths and distances between units."""
import logging

logger = logging.getLogger()

METRES_PER_UNIT = {
    "centimetre": 0.01,
    "metre": 1.0,
    "kilometre": 1000.0,
    "inch": 0.0254,
    "foot": 0.3048,
    "mile": 1609.344,
}


def lambda_handler(event, context):
    try:
        source = METRES_PER_UNIT[event["from_unit"]]
        target = METRES_PER_UNIT[event["to_unit"]]
    except KeyError as unknown:
        raise ValueError(
            f"unknown unit of length {unknown}; known: {', '.join(METRES_PER_UNIT)}"
        ) from None
    return {"converted_length": round(float(event["length"]) * source / target, 4)}
