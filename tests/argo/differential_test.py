#!/usr/bin/python3
"""Random workflows run here and, compiled for Argo, in Argo's own controller: the outputs, the
attempts of every step and each request's body must be those of the local run.

    AE_PROGRAM=build/dev/ae tests/argo/differential_test.py [--cases N] [--first SEED] [--table]

runner/ holds Argo's controller and agent, from its Go module, with as much of Kubernetes as they ask
for; a step's pod runs curl. `argo lint --offline` has to accept every workflow, Argo's and Knative's
own Go types every document. --table compares docs/compilers.md with what was seen, --update writes it.
"""

import argparse
import concurrent.futures
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile
import threading

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "e2e"))
sys.path.insert(0, str(FOLDER.parent / "compile"))

import compilers_table  # noqa: E402
from harness import Home, REPOSITORY  # noqa: E402
from random_workflows import PROPERTIES, constructs, random_case  # noqa: E402

# Both ways to call a function, both ways to submit.
STYLES = {"container": "call=container,kind=both,knative=yes", "http": "call=http,kind=both"}
MAY_REFUSE = {"container": set(), "http": {"function that must run at most once"}}
# Argo has no way to fill a caller's own object up with defaults (a warning says so).
DIFFERS = {"default inside an input"}


def peers():
    folder = subprocess.run([REPOSITORY / "scripts" / "peers.sh", "argo"], check=True, text=True,
                            stdout=subprocess.PIPE, timeout=3000)
    return pathlib.Path(folder.stdout.strip())


def parameters_of(given):
    """The input as `argo submit -p` takes it: strings as they are, anything else as JSON."""
    return {name: value if PROPERTIES[name][0].get("type") == "string" else json.dumps(value)
            for name, value in given.items()}


def differs(found, given):
    return bool(found & DIFFERS) or given.get("maybe") == ""


def renamed(value, key):
    return json.loads(json.dumps(value).replace(key, "RUN"))


def same_output(theirs, ours):
    """A parameter of Argo is a string: the text itself, or JSON."""
    if theirs == ours:
        return True
    try:
        return json.loads(theirs) == ours
    except ValueError:
        return False


class Unproven(Exception):
    """Not every random workflow can be proven well-formed, and only those that can are run."""


class Differential:
    def __init__(self, home):
        self.home = home
        self.seen = {}
        self.lock = threading.Lock()

    def note(self, style, found, what):
        with self.lock:
            for construct in found:
                counts = self.seen.setdefault((style, construct), {})
                counts[what] = counts.get(what, 0) + 1

    def local(self, workflow, given):
        status, answer, _ = self.home.call("POST", "/v1/workflows",
                                           {"workflow": workflow, "approve_effects": True})
        if status == 422:
            raise Unproven(answer["detail"])
        assert status in (200, 201), (status, json.dumps(answer)[:3000])
        status, run, _ = self.home.call("POST", f"/v1/workflows/{answer['id']}/runs?wait=60",
                                        {"input": given})
        assert status in (200, 201), (status, run)
        return run

    def case(self, seed, lint):
        """The local run, and what is to be run in Argo: (run, {style: case of the runner})."""
        workflow, given = random_case(seed)
        found = constructs(workflow, given)
        run = self.local(workflow, given)
        cases = {}
        for style, options in STYLES.items():
            name = workflow["metadata"]["name"]
            status, answer, _ = self.home.call("GET",
                                               f"/v1/workflows/{name}/compiled/argo?options={options}")
            if status == 422:
                self.refused(style, found, answer)
                continue
            assert status == 200, (status, answer)
            files = [file["text"] for file in answer["files"]]
            for file in answer["files"]:
                name = f"{seed}-{file['path'].replace('/', '-')}"
                (lint / style / name).write_text(file["text"])
            self.note(style, found, "validated")
            if not differs(found, given):
                theirs = given | {"run": f"{seed}-two-{style}"}
                cases[style] = {"name": f"{seed} {style}", "files": files[:2],
                                "parameters": parameters_of(theirs),
                                "services": {function: function
                                             for function in ("mix", "flaky", "gateway", "pay")}}
        return run, cases

    def refused(self, style, found, answer):
        codes = {one["code"] for one in answer["errors"] if one["severity"] == "error"}
        assert codes == {"unsupported"}, answer
        assert all(one["pointer"] and one["fix"] for one in answer["errors"]), answer
        assert found & MAY_REFUSE[style], (style, answer)
        self.note(style, found & MAY_REFUSE[style], "refused")

    def compare(self, seed, style, run, result):
        workflow, given = random_case(seed)
        key = f"{seed}-two-{style}"
        steps = {step["id"]: step for step in run["steps"] if step["attempts"]}
        requests = [renamed(request["body"], key) for request in result["requests"]]
        assert not any("text" in request for request in result["requests"]), result
        assert all(request["method"] == "POST" and request["contentType"] == "application/json"
                   for request in result["requests"]), result
        if run["status"] != "succeeded":
            assert result["phase"] in ("Failed", "Error"), (run["error"], result)
            # The one that always fails; another that was waiting to be tried again may be named as
            # the reason, and what was under way may have gone on.
            always = [node["id"] for node in workflow["nodes"]
                      if node.get("arguments", {}).get("failures") == {"value": 99}]
            failed = steps[(always or [run["error"]["node"]])[0]]
            wanted = renamed(failed["input"], given["run"])
            assert requests.count(wanted) == failed["attempts"], (failed, result)
        else:
            assert result["phase"] == "Succeeded", result
            wanted = sorted(json.dumps(renamed(step["input"], given["run"]), sort_keys=True)
                            for step in steps.values() for _ in range(step["attempts"]))
            theirs = sorted(json.dumps(request, sort_keys=True) for request in requests)
            assert [json.loads(one) for one in theirs] == [json.loads(one) for one in wanted], (
                [one for one in theirs if one not in wanted],
                [one for one in wanted if one not in theirs])
            self.compare_outputs(workflow, given, run, result, key)
        self.note(style, constructs(workflow, given), "executed")

    @staticmethod
    def compare_outputs(workflow, given, run, result, key):
        outputs = renamed(run["outputs"], given["run"])
        for name in workflow["outputs"]:
            theirs = renamed(result["outputs"][name.replace(" ", "-")], key)
            if name in outputs:
                assert same_output(theirs, outputs[name]), (name, theirs, outputs[name])
            else:
                assert theirs == "", (name, theirs)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--table", action="store_true", help="compare the table in docs with this")
    parser.add_argument("--update", action="store_true", help="write the table")
    options = parser.parse_args()
    tools = peers()
    pack = FOLDER.parent / "compile" / "pack"
    failed = {}
    with Home(packs=pack) as home, tempfile.TemporaryDirectory() as lint:
        home.ae("init", "--packs", str(pack))
        home.start()
        differential = Differential(home)
        for style in STYLES:
            (pathlib.Path(lint) / style).mkdir()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            seeds = itertools.count(options.first)
            runs, cases, unproven = {}, [], 0
            while len(runs) + len(failed) < options.cases:
                wanted = options.cases - len(runs) - len(failed)
                prepared = {seed: pool.submit(differential.case, seed, pathlib.Path(lint))
                            for seed in itertools.islice(seeds, wanted)}
                for seed, case in prepared.items():
                    if isinstance(case.exception(), Unproven):
                        unproven += 1
                    elif case.exception() is not None:
                        failed[seed] = repr(case.exception())
                    else:
                        runs[seed], of_styles = case.result()
                        cases += [(seed, style, one) for style, one in of_styles.items()]
                assert unproven <= 4 * options.cases, "most workflows are not proven any more"
        validate(tools, pathlib.Path(lint))
        lines = "".join(json.dumps(one) + "\n" for _, _, one in cases)
        runner = subprocess.run([tools / "runner", "-functions", home.url], input=lines, text=True,
                                stdout=subprocess.PIPE, check=True, timeout=1500)
        for (seed, style, _), line in zip(cases, runner.stdout.rstrip("\n").split("\n"), strict=True):
            try:
                differential.compare(seed, style, runs[seed], json.loads(line))
            except (AssertionError, KeyError) as error:
                failed[seed] = f"{style}: {error!r}"
    for seed, error in list(failed.items())[:5]:
        print(f"seed {seed}: {error}"[:3000])
    print(f"{len(runs)} workflows run here, {len(cases)} times in Argo ({unproven} more were not "
          f"proven), {len(failed)} failed: {sorted(failed)[:20]}")
    if not failed and (options.table or options.update):
        rows = compilers_table.rows_of(differential.seen)
        return compilers_table.settle("argo", rows, options.update)
    return 1 if failed else 0


def validate(tools, folder):
    """Argo's linter over each style's documents, Knative's checks over each Service."""
    for style in STYLES:
        accept([tools / "argo", "lint", "--offline", "--no-color", "-o", "simple"],
               sorted((folder / style).glob("*workflow*.yaml")))
    accept([tools / "knative"], sorted(folder.glob("*/*knative*.yaml")))


def accept(command, files):
    for start in range(0, len(files), 400):
        checked = subprocess.run([*command, *files[start:start + 400]], text=True, check=False,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
        assert checked.returncode == 0, checked.stdout[:3000]


if __name__ == "__main__":
    sys.exit(main())
