#!/usr/bin/python3
"""What others' checkers say of the golden cases' output for Step Functions: npm's asl-validator of the
definitions, PyPI's cfn-lint of the SAM templates. Both must also refuse a damaged copy, so that a
checker that checks nothing is noticed."""

import json
import pathlib
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))

from differential_test import Interpreters, peers, substituted  # noqa: E402

GOLDEN = FOLDER.parent / "golden"


def lint(program, templates):
    """The findings of cfn-lint, as text; empty when it has none."""
    # W3002: the paths of a template that is not packaged yet.
    done = subprocess.run([program, "--ignore-checks", "W3002", "--regions", "eu-west-1",
                           "--", *map(str, templates)], text=True, capture_output=True,
                          timeout=600, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def main():
    folder = peers()
    interpreters = Interpreters(folder)
    wrong = []
    definitions = sorted(GOLDEN.glob("*/stepfunctions-*/statemachine.asl.json"))
    templates = sorted(GOLDEN.glob("*/stepfunctions-*/template.yaml"))
    assert definitions and templates, "there are no golden cases"
    for path in definitions:
        problems = interpreters.ask(check=substituted(path.read_text(encoding="utf-8")))["problems"]
        wrong += [f"{path.relative_to(GOLDEN)}: {problem}" for problem in problems]
    damaged = json.loads(definitions[0].read_text(encoding="utf-8"))
    damaged["StartAt"] = "nowhere"
    if not interpreters.ask(check=damaged)["problems"]:
        wrong.append("asl-validator accepts a machine that starts nowhere")
    interpreters.close()
    linter = f"{folder}/python/bin/cfn-lint"
    found = lint(linter, templates)
    if found:
        wrong.append(found)
    with tempfile.TemporaryDirectory(prefix="ae-peers-") as temporary:
        copy = pathlib.Path(temporary) / "template.yaml"
        copy.write_text(templates[0].read_text(encoding="utf-8").replace("Runtime:", "RunsOn:"))
        if not lint(linter, [copy]):
            wrong.append("cfn-lint accepts a function without a runtime")
    print("\n".join(wrong) or f"{len(definitions)} definitions, {len(templates)} templates accepted")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
