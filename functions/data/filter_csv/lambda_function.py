"""Keeps the rows of a table in which a column has a value."""
import csv
import io

from table import column_number, read_table


def lambda_handler(event, context):
    names, rows = read_table(event["csv_text"])
    column, wanted = column_number(names, event["column"]), event["value"].strip().casefold()
    kept = [row for row in rows if row[column].strip().casefold() == wanted]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([names] + kept)
    return {"filtered_csv": out.getvalue(), "matching_rows": len(kept)}
