"""Adds up a column of a table, or finds its average, smallest or largest number."""
from decimal import Decimal, InvalidOperation

from table import column_number, read_table

AGGREGATES = {
    "sum": sum,
    "average": lambda numbers: sum(numbers) / len(numbers),
    "minimum": min,
    "maximum": max,
}


def numbers_of(rows, column, name):
    for row in rows:
        cell = row[column].strip()
        if not cell:
            continue
        try:
            number = Decimal(cell)
        except InvalidOperation:
            raise ValueError(f"{cell!r} in the column {name!r} is no number") from None
        if not number.is_finite():
            raise ValueError(f"{cell!r} in the column {name!r} is no number")
        yield number


def lambda_handler(event, context):
    names, rows = read_table(event["csv_text"])
    wanted, aggregate = event["column"], event["aggregate"]
    if aggregate not in AGGREGATES:
        raise ValueError(f"unknown aggregate {aggregate!r}; known: {', '.join(AGGREGATES)}")
    numbers = list(numbers_of(rows, column_number(names, wanted), wanted))
    if not numbers:
        raise ValueError(f"the column {wanted!r} holds no numbers")
    return {"aggregate_value": float(round(AGGREGATES[aggregate](numbers), 10))}
