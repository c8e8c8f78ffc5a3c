#!/usr/bin/python3
"""Checks sentences.json against the packs, without any planner.

    python3 tests/e2e/sentences_test.py [PACKS_DIR SENTENCES.json]

Every workflow that the file expects is wired up as written, run by calling the handlers in order,
and must give exactly the expected result. So when an engine's answer differs, it is the engine that
is wrong.
"""
import collections
import json
import pathlib
import re
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parents[1] / "functions"))

import packs_test  # noqa: E402  (needs the path above)

STATUSES = {"ready", "needs_input", "missing_functions", "invalid"}


class Workflow:
    """The workflow that one expectation describes, ready to run on packs_test's packs."""

    def __init__(self, expect, functions):
        self.functions = functions  # name -> (folder, sidecar)
        self.inputs = expect["inputs"]
        self.nodes = {}  # node id -> function name; repeated functions are numbered from 2
        for name in expect["functions"]:
            count = sum(used == name for used in self.nodes.values()) + 1
            self.nodes[name if count == 1 else f"{name}_{count}"] = name
        self.sources = {}  # (node id, parameter) -> (producing node id, field)
        for (source, target), times in collections.Counter(map(tuple, expect["edges"])).items():
            producer, field = source.split(".")
            consumer, parameter = target.split(".")
            producers, consumers = self.ids_of(producer), self.ids_of(consumer)
            if times > len(consumers):
                raise AssertionError(f"edge {source} -> {target} is listed too often")
            for i, node in enumerate(consumers[:times]):
                self.sources[node, parameter] = (producers[min(i, len(producers) - 1)], field)

    def ids_of(self, function):
        return [node for node, name in self.nodes.items() if name == function]

    def input_name(self, node, parameter):
        """The workflow input that feeds a parameter: its own one, else the shared one."""
        own = f"{node}_{parameter}"
        return own if own in self.inputs else parameter

    def open_parameters(self):
        """(node id, parameter) of every required parameter that no edge and no input feeds."""
        return [
            (node, parameter)
            for node, name in self.nodes.items()
            for parameter in self.functions[name][1]["input"]["required"]
            if (node, parameter) not in self.sources
            and self.input_name(node, parameter) not in self.inputs
        ]

    def unused_inputs(self):
        used = {
            self.input_name(node, parameter)
            for node, name in self.nodes.items()
            for parameter in self.functions[name][1]["input"]["properties"]
            if (node, parameter) not in self.sources
        }
        return set(self.inputs) - used

    def run(self, state_dir):
        """Outputs of the sinks by field name, by node id and field name where two share it."""
        outputs, waiting = {}, list(self.nodes)
        while waiting:
            ready = [n for n in waiting
                     if all(p in outputs for (c, _), (p, _) in self.sources.items() if c == n)]
            if not ready:
                raise AssertionError(f"the edges form a cycle through {waiting}")
            for node in ready:
                outputs[node] = self.invoke(node, outputs, state_dir)
                waiting.remove(node)
        consumed = {producer for producer, _ in self.sources.values()}
        sinks = {node: fields for node, fields in outputs.items() if node not in consumed}
        shared = collections.Counter(field for fields in sinks.values() for field in fields)
        return {
            (f"{node}_{field}" if shared[field] > 1 else field): value
            for node, fields in sinks.items() for field, value in fields.items()
        }

    def invoke(self, node, outputs, state_dir):
        folder, spec = self.functions[self.nodes[node]]
        arguments = {}
        for parameter in spec["input"]["properties"]:
            if (node, parameter) in self.sources:
                producer, field = self.sources[node, parameter]
                arguments[parameter] = outputs[producer][field]
            elif self.input_name(node, parameter) in self.inputs:
                arguments[parameter] = self.inputs[self.input_name(node, parameter)]
        bad = packs_test.violations(arguments, spec["input"], node)
        if bad:
            raise AssertionError("; ".join(bad))
        return packs_test.invoke(folder, spec, arguments, state_dir)


class Sentences(unittest.TestCase):
    packs_dir = packs_test.PACKS_DIR
    path = HERE / "sentences.json"

    @classmethod
    def setUpClass(cls):
        packs = packs_test.load_packs(cls.packs_dir)
        cls.functions = {spec["name"]: (folder, spec) for folder, spec in packs.items()}
        cls.sentences = json.loads(cls.path.read_text(encoding="utf-8"))

    def with_status(self, status):
        return [s for s in self.sentences if s["expect"]["status"] == status]

    def test_there_are_twenty_and_of_every_kind(self):
        self.assertEqual(20, len(self.sentences))
        self.assertEqual(20, len({s["id"] for s in self.sentences}))
        self.assertEqual(STATUSES, {s["expect"]["status"] for s in self.sentences})
        self.assertGreaterEqual(len(self.with_status("needs_input")), 2)
        self.assertGreaterEqual(len(self.with_status("missing_functions")), 2)
        lengths = {len(s["expect"]["functions"]) for s in self.with_status("ready")}
        self.assertEqual({1, 2, 3, 4, 5}, lengths)

    def test_expected_workflows_give_the_expected_results(self):
        for sentence in self.with_status("ready"):
            with self.subTest(sentence["id"]), tempfile.TemporaryDirectory() as state:
                workflow = Workflow(sentence["expect"], self.functions)
                self.assertEqual([], workflow.open_parameters())
                self.assertEqual(set(), workflow.unused_inputs())
                self.assertEqual(sentence["expect"]["result"], workflow.run(state))

    def test_a_sentence_that_needs_input_lacks_just_that(self):
        for sentence in self.with_status("needs_input"):
            with self.subTest(sentence["id"]):
                workflow = Workflow(sentence["expect"], self.functions)
                lacking = [parameter for _, parameter in workflow.open_parameters()]
                self.assertEqual(sentence["expect"]["needs"], lacking)
                self.assertEqual(set(), workflow.unused_inputs())

    def test_each_input_is_either_required_or_a_default(self):
        for sentence in self.sentences:
            with self.subTest(sentence["id"]):
                expect = sentence["expect"]
                given = set(expect["inputs"]) | set(expect["needs"])
                self.assertEqual(given, set(expect["required"]) | set(expect["defaults"]))
                self.assertFalse(set(expect["required"]) & set(expect["defaults"]))
                for name, value in expect["defaults"].items():
                    self.assertEqual(value, expect["inputs"][name])

    def test_inputs_stand_in_the_sentence(self):
        for sentence in self.sentences:
            with self.subTest(sentence["id"]):
                for value in sentence["expect"]["inputs"].values():
                    if not re.fullmatch(r"\d{4}-\d\d-\d\d", str(value)):
                        self.assertIn(str(value), sentence["query"])

    def test_sentences_without_a_workflow_expect_nothing_else(self):
        for status in ("missing_functions", "invalid"):
            for sentence in self.with_status(status):
                expect = dict(sentence["expect"])
                expect.pop("status")
                self.assertFalse(any(expect.values()), sentence["id"])


if __name__ == "__main__":
    if len(sys.argv) > 2 and not sys.argv[1].startswith("-"):
        Sentences.packs_dir, Sentences.path = map(pathlib.Path, (sys.argv.pop(1), sys.argv.pop(1)))
    unittest.main()
