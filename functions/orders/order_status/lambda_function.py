"""Order tracking, written for an API Gateway proxy integration."""
import json
import logging

logger = logging.getLogger()

TRACKING = {
    "ORD-1041": "delivered",
    "ORD-1042": "out for delivery",
    "ORD-1043": "in preparation",
    "ORD-1044": "cancelled",
}


def lambda_handler(event, context):
    order = event["order_id"]
    if order not in TRACKING:
        return {"statusCode": 404, "body": json.dumps({"error": f"no such order: {order}"})}
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps({"status": TRACKING[order]}),
    }
