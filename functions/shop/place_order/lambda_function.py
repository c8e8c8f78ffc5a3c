"""Places an order. The same order from the same user is filed once, however often it is sent."""
import json
import logging
import os
import tempfile

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

STOCK = {
    "PRD-1001": 14,
    "PRD-1002": 230,
    "PRD-1003": 0,
    "PRD-1004": 6,
    "PRD-1005": 58,
}


class OutOfStockError(Exception):
    """There are not enough pieces to serve the order."""


def file_once(reference, record):
    folder = os.path.join(os.environ.get("AE_STATE_DIR") or tempfile.gettempdir(), "orders")
    os.makedirs(folder, exist_ok=True)
    try:
        with open(os.path.join(folder, reference.replace(os.sep, "_")), "x") as out:
            json.dump(record, out)
    except FileExistsError:
        logger.info("order %s is already on file", reference)


def lambda_handler(event, context):
    product, quantity = event["product_id"], int(event.get("quantity", 1))
    if product not in STOCK:
        raise ValueError(f"we do not sell product {product!r}")
    if quantity < 1:
        raise ValueError(f"cannot order {quantity} pieces")
    if quantity > STOCK[product]:
        raise OutOfStockError(f"{quantity} of {product} wanted, {STOCK[product]} in stock")
    reference = ":".join([event["user_id"], product, str(quantity)])
    file_once(reference, event)
    return {"order_reference": reference}
