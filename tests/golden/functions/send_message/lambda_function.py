def lambda_handler(event, context):
    return {"receipt": f"{len(event['text'])} characters to {event['to']}"}
