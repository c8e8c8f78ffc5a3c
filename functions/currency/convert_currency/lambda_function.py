"""Converts an amount of money."""
import logging
from decimal import ROUND_HALF_UP, Decimal

logger = logging.getLogger()

UNITS_PER_EUR = {
    "EUR": Decimal("1"),
    "USD": Decimal("1.08"),
    "GBP": Decimal("0.85"),
    "JPY": Decimal("162"),
    "CHF": Decimal("0.95"),
    "SEK": Decimal("11.4"),
}
CENT = Decimal("0.01")


def lambda_handler(event, context):
    # Through text, so that 0.1 means a tenth and not the nearest binary fraction.
    amount = Decimal(str(event["amount"]))
    if amount < 0:
        raise ValueError(f"cannot convert a negative amount ({amount})")
    try:
        source = UNITS_PER_EUR[event["from_currency"]]
        target = UNITS_PER_EUR[event["to_currency"]]
    except KeyError as unknown:
        raise ValueError(f"no exchange rate for currency {unknown}") from None
    converted = (amount / source * target).quantize(CENT, ROUND_HALF_UP)
    return {"converted_amount": float(converted)}
