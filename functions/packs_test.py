#!/usr/bin/python3
"""Checks the bundled packs: each sidecar is true of its handler.

    python3 functions/packs_test.py [PACKS_DIR]

Standard library, PyYAML (Debian: python3-yaml), and what the functions themselves use. PACKS_DIR
defaults to the folder of this file; compiled functions are only in that of a build.
"""
import base64
import binascii
import collections
import datetime
import functools
import io
import json
import pathlib
import re
import sys
import tempfile
import unittest

PACKS_DIR = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(PACKS_DIR))

from local_runtime import (  # noqa: E402  (needs the path above; also for those who import this)
    StatusCodeError, invoke, load_packs, needs_s3, worker)

SIDECAR_KEYS = {
    "apiVersion", "kind", "name", "description", "handler", "runtime", "timeout", "memory",
    "effects", "idempotent", "input", "output", "examples",
}
OPTIONAL_KEYS = {"environment", "state"}
ENTRY_FILES = ("lambda_function.py", "index.mjs", "index.cjs", "index.js", "bootstrap")
TYPES = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool,
    "array": list, "object": dict,
}


def is_date(value):
    try:
        return datetime.date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def is_base64(value):
    try:
        return bool(base64.b64decode(value, validate=True))
    except binascii.Error:
        return False


def violations(value, schema, where="$"):
    """The ways in which value breaks the part of JSON Schema that the sidecars use."""
    kind = schema["type"]
    if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return [f"{where}: not of type {kind}: {value!r}"]
    bad = []
    if "enum" in schema and value not in schema["enum"]:
        bad.append(f"{where}: {value!r} is none of {schema['enum']}")
    if kind in ("integer", "number"):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            bad.append(f"{where}: {value} is out of range")
        if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
            bad.append(f"{where}: {value} is too small")
    if kind == "string":
        if not re.search(schema.get("pattern", ""), value):
            bad.append(f"{where}: {value!r} does not match {schema['pattern']}")
        if schema.get("format") == "date" and not is_date(value):
            bad.append(f"{where}: {value!r} is not a date")
        if schema.get("contentEncoding") == "base64" and not is_base64(value):
            bad.append(f"{where}: is not base64")
        if schema.get("format") == "uri" and not re.match(r"[a-z][a-z0-9+.-]*:\S+$", value):
            bad.append(f"{where}: {value!r} is no absolute URI")
        if schema.get("format") == "email" and not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
            bad.append(f"{where}: {value!r} is not an e-mail address")
    if kind == "array":
        if len(value) < schema.get("minItems", 0):
            bad.append(f"{where}: has fewer than {schema['minItems']} items")
        for i, item in enumerate(value):
            bad += violations(item, schema["items"], f"{where}[{i}]")
    if kind == "object":
        known = schema["properties"]
        bad += [f"{where}: lacks {name}" for name in schema["required"] if name not in value]
        others = schema.get("additionalProperties", True)
        for name in value.keys() - known.keys():
            if others is False:
                bad.append(f"{where}: has unknown {name}")
            elif isinstance(others, dict):
                bad += violations(value[name], others, f"{where}.{name}")
        for name in value.keys() & known.keys():
            bad += violations(value[name], known[name], f"{where}.{name}")
    return bad


def fields(schema):
    """Every (name, schema) of the properties declared in an object schema, nested ones too."""
    for name, inner in schema.get("properties", {}).items():
        yield name, inner
        yield from fields(inner.get("items", inner))


def for_each_function(check):
    """Turns check(self, folder, spec, state_dir) into a test with one subtest per function."""

    @functools.wraps(check)
    def test(self):
        for folder, spec in self.packs.items():
            with self.subTest(function=f"{folder.parent.name}/{folder.name}"):
                state = self.scratch / spec.get("state", folder.name)
                state.mkdir(exist_ok=True)
                check(self, folder, spec, state)

    return test


class BundledPacks(unittest.TestCase):
    packs_dir = PACKS_DIR

    @classmethod
    def setUpClass(cls):
        cls.packs = load_packs(cls.packs_dir)
        scratch = tempfile.TemporaryDirectory(prefix="ae-packs-test-")
        cls.addClassCleanup(scratch.cleanup)
        cls.scratch = pathlib.Path(scratch.name)

    def test_every_handler_has_a_sidecar_and_there_are_enough(self):
        entries = [path for path in pathlib.Path(self.packs_dir).glob("*/*/*")
                   if path.name in ENTRY_FILES]
        self.assertEqual(sorted(path.parent for path in entries), list(self.packs))
        self.assertGreaterEqual(len(self.packs), 18)

    def test_names_are_unique_and_those_of_the_folders(self):
        names = [spec["name"] for spec in self.packs.values()]
        self.assertEqual(sorted(names), sorted(set(names)))
        self.assertEqual(names, [folder.name for folder in self.packs])
        for name in names:
            self.assertRegex(name, r"^[a-z][a-z0-9_]*$")

    @for_each_function
    def test_sidecars_have_the_agreed_shape_and_are_plain_json(self, folder, spec, state):
        self.assertEqual(SIDECAR_KEYS, set(spec) - OPTIONAL_KEYS)
        self.assertEqual("actionengine/v1", spec["apiVersion"])
        self.assertEqual("Function", spec["kind"])
        # An unquoted date would come out of YAML as a date object: JSON has none.
        self.assertEqual(spec, json.loads(json.dumps(spec)))
        self.assertIsInstance(spec["effects"], list)
        self.assertIsInstance(spec["idempotent"], bool)

    @for_each_function
    def test_every_parameter_is_described_and_required_ones_exist(self, folder, spec, state):
        for side in ("input", "output"):
            self.assertEqual("object", spec[side]["type"])
            self.assertIs(False, spec[side]["additionalProperties"])
            self.assertLessEqual(set(spec[side]["required"]), set(spec[side]["properties"]))
            for name, schema in fields(spec[side]):
                self.assertTrue(schema.get("description"), name)
                for value in schema.get("examples", []) + schema.get("enum", []):
                    self.assertEqual([], violations(value, schema))
                if "default" in schema:
                    self.assertEqual([], violations(schema["default"], schema))
                    self.assertNotIn(name, spec[side]["required"])

    @for_each_function
    def test_every_example_comes_true(self, folder, spec, state):
        if needs_s3(folder):
            return
        self.assertTrue(any("output" in example for example in spec["examples"]))
        for example in spec["examples"]:
            # `ae fn test` calls with these, so also those that end in an error keep to the schema.
            self.assertEqual([], violations(example["input"], spec["input"]))
            if "error" in example:
                with self.assertRaises(Exception) as caught:
                    invoke(folder, spec, example["input"], state)
                self.assertEqual(example["error"], type(caught.exception).__name__)
                self.assertTrue(str(caught.exception))
            else:
                result = invoke(folder, spec, example["input"], state)
                self.assertEqual(example["output"], result)
                self.assertEqual([], violations(result, spec["output"]))

    @for_each_function
    def test_warm_and_cold_workers_answer_alike(self, folder, spec, state):
        if needs_s3(folder):
            return
        arguments = next(e["input"] for e in spec["examples"] if "output" in e)
        answers = []
        for calls in (2, 1):
            with worker(folder, spec, state) as call:
                answers += [call(arguments) for _ in range(calls)]
        self.assertEqual([answers[0]] * 3, answers)

    @for_each_function
    def test_only_declared_effects_leave_files(self, folder, spec, state):
        if needs_s3(folder):
            return
        with tempfile.TemporaryDirectory(dir=self.scratch) as fresh_state:
            arguments = next(e["input"] for e in spec["examples"] if "output" in e)
            snapshots = []
            for _ in range(2):
                invoke(folder, spec, arguments, fresh_state)
                files = sorted(p for p in pathlib.Path(fresh_state).rglob("*") if p.is_file())
                snapshots.append([(p, p.read_bytes()) for p in files])
            self.assertEqual(bool(spec["effects"]), bool(snapshots[0]))
            # Idempotent: a second call with the same input changes nothing any more.
            self.assertEqual(spec["idempotent"], snapshots[0] == snapshots[1])

    def test_handlers_in_the_gateway_habit_report_what_they_cannot_find(self):
        gateway = [
            (folder, spec) for folder, spec in self.packs.items()
            if (folder / "lambda_function.py").exists()
            and "statusCode" in (folder / "lambda_function.py").read_text(encoding="utf-8")
        ]
        self.assertTrue(gateway)
        unknown = {"number": 89.5, "string": "nothing of the kind"}
        for folder, spec in gateway:
            arguments = {k: unknown[v["type"]] for k, v in spec["input"]["properties"].items()}
            with self.assertRaises(StatusCodeError):
                invoke(folder, spec, arguments, self.scratch)


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        BundledPacks.packs_dir = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
