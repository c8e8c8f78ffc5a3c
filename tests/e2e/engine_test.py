"""The twenty sentences through the real program, and again with every name changed.

What is compared, and why each expectation holds: README.md beside this file.
"""

import collections
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import harness  # noqa: E402

HERE = pathlib.Path(__file__).parent


def references(binding):
    """Every {node, output} inside a binding."""
    if "node" in binding:
        yield binding
    for item in binding.get("list", []):
        yield from references(item)
    for item in binding.get("object", {}).values():
        yield from references(item)


def shape(workflow):
    """Functions and edges of a workflow, as multisets of names."""
    functions = {node["id"]: node["function"] for node in workflow["nodes"]}
    edges = collections.Counter()
    for node in workflow["nodes"]:
        for parameter, binding in node.get("arguments", {}).items():
            for source in references(binding):
                edges[(f"{functions[source['node']]}.{source['output']}",
                       f"{node['function']}.{parameter}")] += 1
    return collections.Counter(functions.values()), edges


def differences(expect, plan):
    """What a plan gets wrong, as lines; empty when nothing."""
    found = []
    if plan["status"] != expect["status"]:
        found.append(f"status {plan['status']}, expected {expect['status']}")
    if expect["status"] in ("missing_functions", "invalid"):
        return found
    if not plan.get("workflow"):
        return found + ["no workflow"]
    functions, edges = shape(plan["workflow"])
    if functions != collections.Counter(expect["functions"]):
        found.append(f"functions {dict(functions)}, expected {expect['functions']}")
    wanted = collections.Counter(tuple(edge) for edge in expect["edges"])
    if edges != wanted:
        found.append(f"edges {sorted(edges)}, expected {sorted(wanted)}")
    given = plan["first_inputs"]
    for name, value in expect["inputs"].items():
        if name not in given or given[name] != value:
            found.append(f"input {name}={given.get(name)!r}, expected {value!r}")
    schema = plan["workflow"]["inputs"]
    required = set(schema.get("required", []))
    if required != set(expect["required"]):
        found.append(f"required {sorted(required)}, expected {sorted(expect['required'])}")
    for name, value in expect["defaults"].items():
        default = schema.get("properties", {}).get(name, {}).get("default")
        if default != value:
            found.append(f"default of {name} is {default!r}, expected {value!r}")
    needs = set(((plan.get("needs_input") or {}).get("properties") or {}))
    if needs != set(expect["needs"]):
        found.append(f"asks for {sorted(needs)}, expected {sorted(expect['needs'])}")
    return found


class TwentySentences(unittest.TestCase):
    def check(self, packs, sentences):
        with harness.Home(packs) as home:
            self.assertEqual(home.ae("init").returncode, 0)
            home.start()
            for sentence in sentences:
                with self.subTest(sentence=sentence["id"], query=sentence["query"]):
                    self.check_sentence(home, sentence)

    def check_sentence(self, home, sentence):
        expect = sentence["expect"]
        status, plan, _ = home.call("POST", "/v1/plans", {"query": sentence["query"]})
        self.assertEqual(status, 200, plan)
        self.assertEqual(differences(expect, plan), [])
        status, registered, _ = home.call(
            "POST", "/v1/workflows", {"query": sentence["query"], "approve_effects": True})
        if expect["status"] in ("missing_functions", "invalid"):
            self.assertEqual(status, 422, registered)  # an unproven workflow is never registered
            return
        self.assertEqual(status, 201, registered)
        if expect["status"] == "needs_input":
            self.check_asks(home, registered, expect)
            return
        status, run, _ = home.call("POST", f"/v1/workflows/{registered['id']}/runs",
                                   {"input": registered["first_inputs"]},
                                   {"Prefer": "wait=60"})
        self.assertEqual((status, run.get("status")), (200, "succeeded"), run)
        self.assertEqual(run["outputs"], expect["result"])

    def check_asks(self, home, registered, expect):
        status, problem, _ = home.call("POST", f"/api/{registered['id']}",
                                       registered["first_inputs"])
        self.assertEqual(status, 422, problem)
        for name in expect["needs"]:
            self.assertIn(name, json.dumps(problem))

    def test_as_written(self):
        self.check(harness.bundled_packs(),
                   json.loads((HERE / "sentences.json").read_text()))

    def test_the_same_under_other_names(self):
        for seed in (1, 2):
            with self.subTest(seed=seed), tempfile.TemporaryDirectory() as folder:
                out = pathlib.Path(folder) / "renamed"
                subprocess.run([sys.executable, HERE / "rename.py",
                                harness.REPOSITORY / "functions", HERE / "sentences.json", out,
                                "--seed", str(seed)], check=True, capture_output=True)
                self.check(out / "functions", json.loads((out / "sentences.json").read_text()))


if __name__ == "__main__":
    unittest.main()
