"""Contact details of the customer behind an order."""
import logging

logger = logging.getLogger()

CUSTOMERS = {
    "ORD-1041": "anna@example.com",
    "ORD-1042": "carla@example.org",
    "ORD-1043": "fred@example.net",
    "ORD-1044": "ben@example.com",
}


def lambda_handler(event, context):
    order = event["order_id"]
    if order not in CUSTOMERS:
        raise ValueError(f"no such order: {order}")
    return {"customer_email": CUSTOMERS[order]}
