"""List price of an article."""
import logging

logger = logging.getLogger()

PRICE_LIST = {
    "PRD-1001": (39.9, "EUR"),
    "PRD-1002": (14.5, "EUR"),
    "PRD-1003": (64.0, "SEK"),
    "PRD-1004": (89.0, "EUR"),
    "PRD-1005": (9.95, "GBP"),
}


def lambda_handler(event, context):
    product = event["productId"]
    if product not in PRICE_LIST:
        raise ValueError(f"no price for product {product!r}")
    price, currency = PRICE_LIST[product]
    return {"price": price, "currency": currency}
