"""Picks a value out of a JSON text by its path: orders[0].customer.name"""
import json
import re

STEP = re.compile(r"\.?([^.\[\]]+)|\[(-?\d+)\]")


def steps_of(path):
    steps, done = [], 0
    while done < len(path):
        found = STEP.match(path, done)
        if found is None:
            raise ValueError(f"cannot read the path {path!r} at character {done + 1}")
        steps.append(found.group(1) if found.group(2) is None else int(found.group(2)))
        done = found.end()
    return steps


def lambda_handler(event, context):
    try:
        value = json.loads(event["json_text"])
    except ValueError as error:
        raise ValueError(f"the text is no JSON: {error}") from None
    walked = ""
    for step in steps_of(event["json_path"]):
        walked += f"[{step}]" if isinstance(step, int) else f".{step}"
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            raise LookupError(f"there is nothing at {walked.lstrip('.')}") from None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return {"found_value": text}
