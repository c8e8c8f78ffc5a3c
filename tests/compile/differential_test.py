#!/usr/bin/python3
"""Random workflows run here and, compiled for Step Functions, in interpreters of its language: the
outputs, the attempts of every step and the errors must be the same.

    AE_PROGRAM=build/dev/ae tests/compile/differential_test.py [--cases N] [--first SEED] [--table]

JSONPath runs in npm's aws-local-stepfunctions, JSONata in asl_jsonata.mjs with npm's jsonata; npm's
asl-validator has to accept every definition. What a language cannot express must be refused as
`unsupported`, and only for the constructs that may be: see MAY_REFUSE. --table writes what was seen
of each construct to docs/compilers.md's part for Step Functions, see compilers_table.py.
"""

import argparse
import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys
import threading

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "e2e"))
sys.path.insert(0, str(FOLDER))

import compilers_table  # noqa: E402
from harness import Home, REPOSITORY  # noqa: E402
from random_workflows import constructs, random_case  # noqa: E402

LANGUAGES = ("jsonata", "jsonpath")
# What JSONPath is known not to express.
MAY_REFUSE = {"jsonata": set(),
              "jsonpath": {"input that may be absent", "default inside an input"}}
# JSONPath takes a response for API Gateway as it is (a warning says so): another result.
DIFFERS = {"jsonata": set(), "jsonpath": {"response for API Gateway"}}


def peers():
    folder = subprocess.run([REPOSITORY / "scripts" / "peers.sh", "compile"], check=True, text=True,
                            stdout=subprocess.PIPE, timeout=600)
    return folder.stdout.strip()


class Interpreters:
    """asl_worker.mjs, asked from several threads."""

    def __init__(self, folder):
        self.process = subprocess.Popen(["node", FOLDER / "asl_worker.mjs", folder], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lock = threading.Lock()
        self.waiting = {}
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            answer = json.loads(line)
            with self.lock:
                future = self.waiting.pop(answer["id"])
            future.set_result(answer)
        with self.lock:
            for future in self.waiting.values():
                future.set_exception(AssertionError("the interpreters have ended"))

    def ask(self, **request):
        future = concurrent.futures.Future()
        with self.lock:
            request["id"] = len(self.waiting) + 1
            while request["id"] in self.waiting:
                request["id"] += 1
            self.waiting[request["id"]] = future
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        return future.result(timeout=120)

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()


def functions_of(compiled):
    """Maps each ARN that the definition will have to the name of its function."""
    template = next(f["text"] for f in compiled["files"] if f["path"] == "template.yaml")
    folders = {folder["path"]: folder["function"] for folder in compiled["folders"]}
    uri = dict(re.findall(r"^  (\w+):\n    Type: AWS::Serverless::Function\n"
                          r"(?:      .*\n|    Properties:\n)*?      CodeUri: (\S+)/$", template, re.M))
    names = {f"arn:{logical}": folders[path] for logical, path in uri.items()}
    # The twin whose declared output keeps the engine from unwrapping what it answers.
    return {arn: "gateway_raw" if name == "gateway" else name for arn, name in names.items()}


def substituted(definition):
    """What CloudFormation makes of ${…}; a text of the workflow's own must not look like one."""
    text = re.sub(r"\$\{(\w+)Arn\}", r"arn:\1", definition)
    left = re.findall(r"\$\{[^}]*\}", text)
    assert not left, f"left for CloudFormation to replace: {left}"
    return json.loads(text)


def renamed(value, key):
    return json.loads(json.dumps(value).replace(key, "RUN"))


class Differential:
    def __init__(self, home, interpreters):
        self.home = home
        self.interpreters = interpreters
        self.seen = {}  # (language, construct) -> {"validated": n, "executed": n, "refused": n}
        self.lock = threading.Lock()

    def note(self, language, found, what):
        with self.lock:
            for construct in found:
                counts = self.seen.setdefault((language, construct), {})
                counts[what] = counts.get(what, 0) + 1

    def local(self, workflow, given):
        """(outcome, attempts of each step) of the local run, as the other engines tell theirs."""
        status, answer, _ = self.home.call("POST", "/v1/workflows",
                                           {"workflow": workflow, "approve_effects": True})
        assert status in (200, 201), (status, json.dumps(answer)[:3000])
        status, run, _ = self.home.call("POST", f"/v1/workflows/{answer['id']}/runs?wait=60",
                                        {"input": given})
        assert status in (200, 201), (status, run)
        attempts = {step["id"]: step["attempts"] for step in run["steps"] if step["attempts"]}
        if run["status"] == "succeeded":
            return {"output": renamed(run["outputs"], given["run"])}, attempts
        # Once a step has failed for good, one that runs beside it is not retried either, and either
        # may be the first; the run names one of them.
        failures = {f"step {step['id']} failed: {step['error']['type']}: " + re.sub(
            r" \(not tried again: .*\)$", "", step["error"]["message"]): step["error"]["type"]
            for step in run["steps"] if step["status"] == "failed"}
        message = re.sub(r" \(not tried again: .*\)$", "", run["error"]["message"])
        assert message in failures, (message, failures)
        return {"failures": failures}, attempts

    def compiled(self, identifier, language):
        return self.home.call("GET", f"/v1/workflows/{identifier}/compiled/stepfunctions"
                                     f"?options=query-language={language}")

    def case(self, seed):
        workflow, given = random_case(seed)
        found = constructs(workflow, given)
        outcome, attempts = self.local(workflow, given)
        for language in LANGUAGES:
            status, answer, _ = self.compiled(workflow["metadata"]["name"], language)
            if status == 422:
                self.refused(language, found, answer)
                continue
            assert status == 200, (status, answer)
            definition = substituted(answer["files"][0]["text"])
            problems = self.interpreters.ask(check=definition)["problems"]
            assert not problems, (language, problems[:3])
            self.note(language, found, "validated")
            if found & DIFFERS[language]:
                continue
            theirs = given | {"run": f"{seed}-two-{language}"}
            result = self.interpreters.ask(run=definition, input=theirs, url=self.home.url,
                                           functions=functions_of(answer))
            assert "broken" not in result, (language, result)
            self.compare(language, outcome, attempts, result, theirs["run"])
            self.note(language, found, "executed")

    def refused(self, language, found, answer):
        codes = {one["code"] for one in answer["errors"] if one["severity"] == "error"}
        assert codes == {"unsupported"}, answer
        assert all(one["pointer"] and one["fix"] for one in answer["errors"]), answer
        assert found & MAY_REFUSE[language], (language, answer)
        self.note(language, found & MAY_REFUSE[language], "refused")

    def compare(self, language, outcome, attempts, result, key):
        if "output" in outcome:
            assert "output" in result, (language, result)
            theirs = renamed(result["output"], key)
            assert theirs == outcome["output"], (language, theirs, outcome["output"])
            assert result["attempts"] == attempts, (language, result["attempts"], attempts)
            return
        assert "error" in result, (language, outcome, result)
        cause = plain_cause(result["cause"])
        assert outcome["failures"].get(cause) == result["error"], (language, result, outcome)
        step = cause.split(" ")[1]
        assert result["attempts"][step] == attempts[step], (language, result, attempts)


def plain_cause(cause):
    """JSONPath hands the function's account of its error on as the JSON that it is."""
    head, brace, account = cause.partition("{")
    if not brace:
        return cause
    # aws-local-stepfunctions takes every backslash out of what States.Format gives.
    message = re.match(r'"errorMessage":"(.*?)","errorType"', account)
    return head + (message.group(1) if message else brace + account)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--table", action="store_true", help="compare the table in docs with this")
    parser.add_argument("--update", action="store_true", help="write the table")
    options = parser.parse_args()
    interpreters = Interpreters(peers())
    failed = []
    with Home(packs=FOLDER / "pack") as home:
        home.ae("init", "--packs", str(FOLDER / "pack"))
        home.start()
        differential = Differential(home, interpreters)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            cases = {seed: pool.submit(differential.case, seed)
                     for seed in range(options.first, options.first + options.cases)}
        for seed, case in cases.items():
            error = case.exception()
            if error is not None:
                failed.append(seed)
                if len(failed) <= 5:
                    print(f"seed {seed}: {type(error).__name__}: {error}"[:3000])
    interpreters.close()
    refused = sum(counts.get("refused", 0) for counts in differential.seen.values())
    print(f"{options.cases} workflows, {len(failed)} failed: {failed[:20]}; "
          f"refusals counted by construct: {refused}")
    if not failed and (options.table or options.update):
        rows = compilers_table.rows_of(differential.seen)
        return compilers_table.settle("stepfunctions", rows, options.update)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
