"""Packages as people have them: four zips written for AWS, added to an empty home, planned with and run."""

import json
import os
import pathlib
import unittest
import urllib.error
import urllib.request
import zipfile

import harness

PACKS = pathlib.Path(__file__).parent / "aws_packs"
SENTENCE = ("Create a workflow that retrieves an image from S3, resizes it to 256x256 and returns "
            "the public URL of the resized image for display in the UI")


def make_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = harness.Home()
        cls.addClassCleanup(cls.home.__exit__)
        cls.home.start()
        cls.zips = []
        for pack in sorted(PACKS.iterdir()):
            files = {f.name: f.read_text() for f in pack.iterdir() if f.is_file()}
            cls.zips.append(str(make_zip(cls.home.path / (pack.name + ".zip"), files)))
        cls.added = cls.home.ae("fn", "add", *cls.zips)

    def ae(self, *arguments, code=0):
        done = self.home.ae(*arguments)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def add(self, name, files, code=0):
        return self.ae("fn", "add", str(make_zip(self.home.path / (name + ".zip"), files)),
                       code=code)

    def test_four_zips_are_added_and_said_to_be_unproven(self):
        self.assertEqual(self.added.returncode, 0, self.added.stdout + self.added.stderr)
        for name in ("getimagefroms3", "resizeimage", "uploadimagetos3", "generatepublicurl"):
            self.assertRegex(self.added.stdout, rf"{name} +new +[0-9a-f]{{12}} .*unproven")
        again = self.ae("fn", "add", *self.zips)
        self.assertEqual(again.stdout.count("unchanged"), 4)
        self.assertIn("?", self.ae("fn", "list").stdout)
        self.assertIn("unproven", self.ae("fn", "show", "resizeimage").stdout)

    def test_their_code_tells_what_they_take_and_give(self):
        _, function, _ = self.home.call("GET", "/v1/functions/resizeimage")
        self.assertEqual(function["schemas"], "inferred")
        self.assertEqual(function["description"], "Resizes an image to a width and height.")
        self.assertEqual(function["input"]["required"], ["image", "width", "height"])
        self.assertEqual(function["input"]["properties"]["width"], {"type": "integer"})
        _, function, _ = self.home.call("GET", "/v1/functions/uploadimagetos3")
        self.assertEqual(function["errors"], ["Http400"])
        self.assertEqual(list(function["output"]["properties"]), ["uploaded_bucket", "uploaded_key"])

    def test_the_sentence_becomes_a_workflow_of_the_four_with_warnings(self):
        _, plan, _ = self.home.call("POST", "/v1/plans", {"query": SENTENCE})
        self.assertEqual([n["function"] for n in plan["workflow"]["nodes"]],
                         ["getimagefroms3", "resizeimage", "uploadimagetos3", "generatepublicurl"])
        self.assertEqual(plan["first_inputs"].get("width"), 256)
        self.assertTrue(plan["diagnostics"])
        self.assertEqual({d["code"] for d in plan["diagnostics"] if d["severity"] == "error"}, set())
        self.assertIn("unproven_schema", {d["code"] for d in plan["diagnostics"]})
        status, answer, _ = self.home.call("POST", "/v1/workflows", {"workflow": plan["workflow"]})
        self.assertEqual(status, 201, answer)

    def test_a_guess_gets_better_by_runs_and_blocks_none(self):
        self.add("shorten", {"lambda_function.py":
                             "def lambda_handler(event, context):\n"
                             "    text = event['text']\n"
                             "    return {'short': text[:event.get('length', 3)]}\n"})
        workflow = {"apiVersion": "actionengine/v1", "kind": "Workflow",
                    "metadata": {"name": "shorten-it", "description": "Shortens."},
                    "inputs": {"type": "object", "properties": {"text": {"type": "string"}}},
                    "nodes": [{"id": "s", "function": "shorten",
                               "arguments": {"text": {"input": "text"}}}],
                    "outputs": {"short": {"node": "s", "output": "short"}}}
        status, answer, _ = self.home.call("POST", "/v1/workflows", {"workflow": workflow})
        self.assertEqual(status, 201, answer)
        self.assertIn("unproven_schema", json.dumps(answer))
        _, outputs, _ = self.home.call("POST", "/api/shorten-it", {"text": "abcdef"})
        self.assertEqual(outputs, {"short": "abc"})
        _, guess, _ = self.home.call("GET", "/v1/functions/shorten/inference")
        self.assertEqual((guess["samples"], guess["changed"]), (1, True))
        self.assertEqual(guess["proposed"]["input"]["properties"]["text"], {"type": "string"})
        before = self.home.call("GET", "/v1/functions/shorten")[1]
        self.ae("fn", "infer", "shorten", "--accept")
        after = self.home.call("GET", "/v1/functions/shorten")[1]
        self.assertEqual(after["version"], before["version"])
        self.assertEqual(after["output"]["properties"]["short"], {"type": "string"})

    def test_a_handler_for_api_gateway_takes_plain_input(self):
        self.add("double", {"app.py": "import json\ndef handler(event, context):\n"
                                      "    body = json.loads(event['body'])\n"
                                      "    return {'statusCode': 200, 'body': json.dumps("
                                      "{'double': body['n'] * 2})}\n"})
        _, answer, _ = self.home.call("POST", "/v1/functions/double/invocations",
                                      {"input": {"n": 21}})
        self.assertEqual(answer["output"], {"double": 42}, answer)

    def test_hostile_and_broken_zips_are_refused_with_the_entry(self):
        refused = self.add("slip", {"../evil.py": "x"}, code=2)
        self.assertIn('"../evil.py" leaves the folder', refused.stderr)
        broken = self.home.path / "broken.zip"
        broken.write_bytes(pathlib.Path(self.zips[0]).read_bytes()[:100])
        mixed = self.ae("fn", "add", str(broken), self.zips[0], code=1)
        self.assertRegex(mixed.stdout, r"broken.zip +refused")
        self.assertIn("unchanged", mixed.stdout)

    def upload(self, target, kind, data):
        request = urllib.request.Request(self.home.url + target, data=data, method="POST")
        request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.load(refused)

    def test_zips_come_in_requests_too(self):
        code = "def handler(event, context):\n    return {'a': 1}\n"
        path = make_zip(self.home.path / "one.zip", {"app.py": code, "pad.bin": os.urandom(9 << 20)})
        status, answer = self.upload("/v1/functions?name=uploaded", "application/zip",
                                     path.read_bytes())
        self.assertEqual((status, answer["functions"][0]["name"]), (201, "uploaded"), answer)
        form = (b'--xx\r\nContent-Disposition: form-data; name="f"; filename="formed.zip"\r\n\r\n'
                + path.read_bytes() + b"\r\n--xx--\r\n")
        status, answer = self.upload("/v1/functions", "multipart/form-data; boundary=xx", form)
        self.assertEqual((status, answer["functions"][0]["name"]), (201, "formed"), answer)
        status, answer = self.upload("/v1/functions", "application/zip", b"nonsense")
        self.assertEqual(status, 422)
        self.assertIn("archive", answer["detail"])

    def test_a_removed_function_leaves_plans_and_its_workflows_run_on(self):
        self.add("echoer", {"app.py": "def handler(event, context):\n    return {'e': 'hi'}\n"})
        workflow = {"apiVersion": "actionengine/v1", "kind": "Workflow",
                    "metadata": {"name": "echo-it", "description": "Echoes."},
                    "nodes": [{"id": "e", "function": "echoer"}],
                    "outputs": {"e": {"node": "e", "output": "e"}}}
        self.assertEqual(self.home.call("POST", "/v1/workflows", {"workflow": workflow})[0], 201)
        done = self.ae("fn", "remove", "echoer")
        self.assertIn("echo-it", done.stdout)
        self.assertEqual(self.home.call("GET", "/v1/functions/echoer")[0], 404)
        self.assertEqual(self.home.call("POST", "/api/echo-it", {})[1], {"e": "hi"})
        self.home.call("DELETE", "/v1/workflows/echo-it")
        self.ae("fn", "remove", "echoer", code=1)

    def test_what_examples_promise_is_tested(self):
        sidecar = ("apiVersion: actionengine/v1\nkind: Function\nname: plus\ndescription: Adds.\n"
                   "examples:\n  - {input: {a: 1}, output: {b: 2}}\n"
                   "  - {input: {a: 1}, output: {b: 3}}\n  - {input: {}, error: KeyError}\n")
        self.add("plus", {"function.yaml": sidecar, "lambda_function.py":
                          "def lambda_handler(event, context):\n    return {'b': event['a'] + 1}\n"})
        done = self.ae("fn", "test", "plus", code=1)
        self.assertIn("2 passed, 1 failed", done.stdout)


if __name__ == "__main__":
    unittest.main()
