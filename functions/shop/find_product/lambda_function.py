"""Finds the article a shopper means by its name."""
import logging
import os

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

CATALOGUE = {
    "desk lamp": "PRD-1001",
    "travel mug": "PRD-1002",
    "wool blanket": "PRD-1003",
    "garden chair": "PRD-1004",
    "bicycle bell": "PRD-1005",
}


def lambda_handler(event, context):
    wanted = " ".join(event["product_name"].lower().split())
    if wanted not in CATALOGUE:
        raise ValueError(f"we do not sell {wanted!r}; ask for one of: {', '.join(CATALOGUE)}")
    return {"product_id": CATALOGUE[wanted]}
