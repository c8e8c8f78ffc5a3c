def lambda_handler(event, context):
    celsius = round(40 - event["lat"] / 2 - event.get("days", 1))
    warm = celsius * 9 / 5 + 32 if event.get("unit") == "F" else celsius
    return {"temperature": warm, "sky": "clear" if event["lon"] > 11 else "cloudy"}
