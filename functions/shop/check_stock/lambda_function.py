"""How many pieces of an article the warehouse holds."""
import logging

logger = logging.getLogger()

WAREHOUSE = {
    "PRD-1001": 14,
    "PRD-1002": 230,
    "PRD-1003": 0,
    "PRD-1004": 6,
    "PRD-1005": 58,
}


def lambda_handler(event, context):
    product = event["product_id"]
    if product not in WAREHOUSE:
        raise ValueError(f"the warehouse does not know product {product!r}")
    return {"units_in_stock": WAREHOUSE[product]}
