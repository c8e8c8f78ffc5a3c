"""Converts temperatures between scales."""
import logging

logger = logging.getLogger()

# Each scale as (degrees per kelvin, reading at absolute zero).
SCALES = {
    "celsius": (1.0, -273.15),
    "fahrenheit": (1.8, -459.67),
    "kelvin": (1.0, 0.0),
}


def lambda_handler(event, context):
    reading = float(event["temperature"])
    source, target = event.get("from_unit", "celsius"), event["to_unit"]
    for scale in (source, target):
        if scale not in SCALES:
            raise ValueError(f"unknown temperature scale {scale!r}; known: {', '.join(SCALES)}")
    slope, zero = SCALES[source]
    kelvin = (reading - zero) / slope
    if kelvin < -1e-9:
        raise ValueError(f"{reading} {source} lies below absolute zero")
    slope, zero = SCALES[target]
    return {"converted_temperature": round(kelvin * slope + zero, 2)}
