#!/usr/bin/python3
"""What each target makes of the workflows in tests/golden, and what they give when they run here.

    AE_PROGRAM=build/dev/ae tests/golden/golden_test.py [--update] [CASE…]

A case is a folder: workflow.yaml, input.json, run.json (the outputs of the local run) and a folder
for each way to compile it. The functions of all cases are in functions/. --update (or
scripts/update_golden.sh, which also shows the difference) writes what is made now; a target that
refuses a case leaves the file `unsupported.json` with its reasons.
"""

import argparse
import json
import pathlib
import shutil
import sys
import urllib.parse

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "e2e"))

from harness import Home  # noqa: E402

# Folder of a case: target and options.
VARIANTS = {
    "stepfunctions-jsonata": ("stepfunctions", ""),
    "stepfunctions-jsonpath": ("stepfunctions", "query-language=jsonpath,type=express"),
    "argo": ("argo", ""),
}


def cases(names):
    found = sorted(path.parent for path in FOLDER.glob("*/workflow.yaml"))
    return [case for case in found if not names or case.name in names]


def registered(home, case):
    """Registers the case's workflow; its id."""
    checked = home.ae("lint", "-f", str(case / "workflow.yaml"), "-o", "json")
    assert checked.returncode == 0, (case.name, checked.stdout[-2000:], checked.stderr)
    status, answer, _ = home.call("POST", "/v1/workflows", {
        "workflow": json.loads(checked.stdout)["workflow"], "approve_effects": True})
    assert status in (200, 201), (case.name, answer)
    return answer["id"]


def outputs(home, case, identifier):
    """What the local run gives for the case's input."""
    status, run, _ = home.call("POST", f"/v1/workflows/{identifier}/runs?wait=60",
                               {"input": json.loads((case / "input.json").read_text())})
    assert status in (200, 201) and run["status"] == "succeeded", (case.name, run)
    return run["outputs"]


def made(home, identifier, target, options):
    """{path: text} of what the target makes, explanations and warnings included."""
    status, answer, _ = home.call("GET", f"/v1/workflows/{identifier}/compiled/{target}"
                                         f"?options={urllib.parse.quote(options)}")
    if status == 422:
        return {"unsupported.json": json.dumps(answer["errors"], indent=2) + "\n"}
    assert status == 200, (identifier, target, answer)
    files = {one["path"]: one["text"] for one in answer["files"]}
    lines = ["- " + line for line in answer["explanations"]]
    lines += [f"- {one['code']}: {one['message']}; {one['fix']}" for one in answer["diagnostics"]]
    files["explanation.md"] = "\n".join(lines) + "\n"
    return files


def existing(folder):
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8")
            for path in sorted(folder.rglob("*")) if path.is_file()}


def write(folder, files):
    shutil.rmtree(folder, ignore_errors=True)
    for path, text in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--update", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    wrong = []
    with Home(packs=FOLDER / "functions") as home:
        home.ae("init", "--packs", str(FOLDER / "functions"))
        home.start()
        known = {target["name"] for target in home.call("GET", "/v1/targets")[1]}
        for case in cases(options.names):
            identifier = registered(home, case)
            run = json.dumps(outputs(home, case, identifier), indent=2, ensure_ascii=False) + "\n"
            if options.update:
                (case / "run.json").write_text(run, encoding="utf-8")
            elif json.loads((case / "run.json").read_text()) != json.loads(run):
                wrong.append(f"{case.name}/run.json")
            for folder, (target, settings) in VARIANTS.items():
                if target not in known:
                    continue
                files = made(home, identifier, target, settings)
                if options.update:
                    write(case / folder, files)
                    continue
                old = existing(case / folder)
                wrong += [f"{case.name}/{folder}/{path}" for path in sorted(old.keys() | files.keys())
                          if old.get(path) != files.get(path)]
    for path in wrong:
        print(f"tests/golden/{path} is not what is made now")
    if wrong:
        print("if that is meant: scripts/update_golden.sh shows the difference and writes it")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
