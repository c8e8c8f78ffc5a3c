"""The table of docs/compilers.md: which target was seen to do which construct.

Each target's differential test calls settle() with what it has seen; the committed table has to say
the same, or the test fails (--update writes it). A construct that no target column mentions would be
a silent gap, so the rows are fixed here and every cell is filled.
"""

import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "compilers.md"
DATA = pathlib.Path(__file__).resolve().parent / "compilers.json"

CONSTRUCTS = [
    "single step", "fan-out", "order without data", "required input", "input with a default",
    "default inside an input", "input that may be absent", "output field", "whole output",
    "member of a member", "oddly named field", "literal", "hostile or nested literal",
    "list of bindings", "object of bindings", "time-out", "retry that succeeds",
    "step that fails for good", "function that must run at most once", "response for API Gateway",
]
HEAD = """# What each target was seen to do

Written by the tests that compile random workflows and run what comes out; do not edit. *validated*:
the platform's own checker accepted it. *executed*: results, attempts and errors were the local run's.
*unsupported*: refused with an error that names the step. How often is not said: whether it was.

"""


def word(counts):
    if counts.get("executed"):
        text = "validated, executed"
    elif counts.get("validated"):
        text = "validated"
    elif counts.get("refused"):
        return "unsupported"
    else:
        return "**not seen**"
    return text


def rows_of(seen):
    """{column: {construct: words}} from {(column, construct): counts}."""
    columns = {}
    for (column, construct), counts in seen.items():
        columns.setdefault(column, {})[construct] = word(counts)
    for cells in columns.values():
        for construct in CONSTRUCTS:
            cells.setdefault(construct, "**not seen**")
    return columns


def settle(target, columns, update):
    """Compares `columns` of `target` with the committed ones, or writes them. The exit code."""
    data = json.loads(DATA.read_text()) if DATA.exists() else {}
    mine = {f"{target} {column}".strip(): cells for column, cells in sorted(columns.items())}
    others = {name: cells for name, cells in data.items() if name.split(" ")[0] != target}
    wanted = dict(sorted((others | mine).items()))
    unknown = {c for cells in mine.values() for c in cells} - set(CONSTRUCTS)
    gaps = [f"{name}: {construct}" for name, cells in mine.items()
            for construct, said in cells.items() if "not seen" in said]
    if unknown or gaps:
        print("constructs without a row:", sorted(unknown), "cells without evidence:", gaps)
        return 1
    if update:
        DATA.write_text(json.dumps(wanted, indent=1, sort_keys=True) + "\n")
        TABLE.write_text(render(wanted))
        return 0
    if wanted != data or TABLE.read_text() != render(wanted):
        print("docs/compilers.md does not say what was seen; run this again with --update",
              file=sys.stderr)
        return 1
    return 0


def render(data):
    lines = [HEAD.rstrip(), "", "| Construct | " + " | ".join(data) + " |",
             "|---|" + "---|" * len(data)]
    for construct in CONSTRUCTS:
        cells = [cells.get(construct, "**not seen**") for cells in data.values()]
        lines.append(f"| {construct} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
