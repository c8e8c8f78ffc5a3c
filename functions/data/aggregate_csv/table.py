"""Reads a CSV text whose first line names the columns.

The same file lies beside every handler of this pack that reads CSV: a Lambda package stands alone.
"""
import csv
import io


def read_table(text):
    """Column names, and the rows as lists of as many cells."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text.lstrip("\ufeff")), strict=True) if row]
    except csv.Error as error:
        raise ValueError(f"the CSV text cannot be read: {error}") from None
    if not rows:
        raise ValueError("the CSV text is empty")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise ValueError(f"row {number} has {len(row)} cells, the first one {len(rows[0])}")
    return rows[0], rows[1:]


def column_number(names, wanted):
    folded = [name.strip().casefold() for name in names]
    try:
        return folded.index(wanted.strip().casefold())
    except ValueError:
        raise ValueError(f"there is no column {wanted!r}; there are: {', '.join(names)}") from None
