"""The command line as a person and a script use it: results, exit codes, and every kind of mistake."""

import json
import pathlib
import re
import shlex
import subprocess
import sys
import unittest
import urllib.request

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import harness  # noqa: E402

DEMO = "It will be perfect if you play music that matches my mood. This is Anna."


class WithHome(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = harness.Home()
        cls.addClassCleanup(cls.home.__exit__)
        made = cls.home.ae("init")
        assert made.returncode == 0, made.stderr

    def ae(self, *arguments, code=0, stdin=""):
        done = self.home.ae(*arguments, stdin=stdin)
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done


class Planning(WithHome):
    def test_a_plan_is_text_json_or_yaml(self):
        self.assertIn("recommendsong", self.ae("plan", DEMO).stdout)
        plan = json.loads(self.ae("plan", DEMO, "-o", "json").stdout)
        self.assertEqual(plan, yaml.safe_load(self.ae("plan", DEMO, "-o", "yaml").stdout))
        self.assertEqual(plan["status"], "ready")

    def test_a_plan_can_be_piped_into_lint(self):
        plan = self.ae("plan", DEMO, "-o", "yaml").stdout
        self.assertIn("proven", self.ae("lint", "-f", "-", stdin=plan).stdout)

    def test_the_same_sentence_gives_the_same_bytes(self):
        self.assertEqual(self.ae("plan", DEMO, "-o", "json").stdout,
                         self.ae("plan", DEMO, "-o", "json").stdout)

    def test_lint_names_the_place_and_the_mend(self):
        plan = json.loads(self.ae("plan", DEMO, "-o", "json").stdout)["workflow"]
        plan["nodes"][-1]["function"] = "playmusik"
        done = self.ae("lint", "-f", "-", stdin=json.dumps(plan), code=1)
        self.assertIn("unknown_function", done.stdout)
        self.assertRegex(done.stdout, r"/nodes/\d+/function")
        self.assertIn("playmusic", done.stdout)

    def test_what_no_function_serves_is_said_and_exits_1(self):
        done = self.ae("plan", "Translate \"good morning\" into Italian.", code=1)
        self.assertIn("Translate", done.stdout)
        self.assertIn("missing_functions", done.stdout)

    def test_a_dry_run_registers_nothing(self):
        before = self.ae("list", "-o", "json").stdout
        self.assertIn("Anna", self.ae("run", "--dry-run", DEMO).stdout)
        self.assertEqual(self.ae("list", "-o", "json").stdout, before)


class Running(WithHome):
    def test_the_demo_prints_drawing_values_endpoint_and_result(self):
        done = self.ae("run", DEMO)
        for word in ("username2id", "getusermood", "recommendsong", "playmusic", "Anna", "curl"):
            self.assertIn(word, done.stdout)
        self.assertEqual(done.stdout.strip().splitlines()[-1], "Now playing: Happy Tune")
        self.check_curl(next(line for line in done.stdout.splitlines() if "curl " in line))

    def check_curl(self, line):
        words = shlex.split(line)
        url = next(word for word in words if word.startswith("http"))
        body = words[[i for i, word in enumerate(words) if word in ("-d", "--data", "--json")][0] + 1]
        request = urllib.request.Request(url, data=body.encode(), method="POST",
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            self.assertEqual(json.load(answer), {"message": "Now playing: Happy Tune"})

    def test_other_inputs_give_other_results_and_a_missing_one_is_named(self):
        workflow = json.loads(self.ae("run", DEMO, "-o", "json").stdout)["workflow"]["id"]
        anna = self.ae("invoke", workflow, "--input", "username=Anna").stdout
        ben = self.ae("invoke", workflow, "--input", "username=Ben").stdout
        self.assertNotEqual(anna, ben)
        done = self.ae("invoke", workflow, code=2)  # never silently Anna's data
        self.assertIn("username", done.stderr)

    def test_a_failed_run_says_which_step_why_and_how_to_go_on(self):
        workflow = json.loads(self.ae("run", DEMO, "-o", "json").stdout)["workflow"]["id"]
        done = self.ae("invoke", workflow, "--input", "username=Nobody", code=1)
        self.assertIn("username2id", done.stdout)
        run = re.search(r"ae resume (run_\w+)", done.stdout).group(1)
        self.assertIn("Now playing",
                      self.ae("resume", run, "--input", "username=Anna").stdout)
        self.assertIn("succeeded", self.ae("trace", run).stdout)
        self.ae("logs", run)
        self.assertEqual(json.loads(self.ae("get", run, "-o", "json").stdout)["status"],
                         "succeeded")

    def test_side_effects_wait_for_approval(self):
        query = "Send Carla an SMS saying \"Dinner is at eight\"."
        refused = self.ae("run", query, code=1)
        self.assertIn("--approve", refused.stderr)
        self.assertIn("send_sms", refused.stderr)
        self.ae("run", "--approve", query)

    def test_a_value_that_is_missing_is_asked_for_by_name(self):
        query = "Give me the weather forecast for Lisbon, please."
        done = self.ae("run", query, code=1)
        self.assertIn("--input date=", done.stderr)
        self.ae("run", query, "--input", "date=2026-12-24")

    def test_a_key_starts_a_run_once(self):
        workflow = json.loads(self.ae("run", DEMO, "-o", "json").stdout)["workflow"]["id"]
        invoke = ("invoke", workflow, "--input", "username=Anna", "--idempotency-key", "k1",
                  "-o", "json")
        first = json.loads(self.ae(*invoke).stdout)
        self.assertEqual(json.loads(self.ae(*invoke).stdout)["id"], first["id"])

    def test_a_workflow_written_by_hand_runs(self):
        workflow = self.ae("plan", DEMO, "-o", "yaml").stdout
        file = self.home.path / "mine.yaml"
        file.write_text(workflow)
        done = self.ae("run", "-f", str(file), "--name", "mine", "--input", "username=Anna")
        self.assertIn("/api/mine", done.stdout)
        for form in ("dot", "mermaid"):
            self.assertIn("playmusic", self.ae("get", "mine", "--as", form).stdout)


class Functions(WithHome):
    def test_every_bundled_example_holds(self):
        done = self.ae("fn", "test")
        self.assertIn(" 0 failed", done.stdout)

    def test_search_finds_by_meaning_words(self):
        found = json.loads(self.ae("fn", "search", "weather forecast", "-o", "json").stdout)
        self.assertEqual(found[0]["name"], "weather_forecast")

    def test_a_package_is_added_and_a_broken_one_refused_with_its_place(self):
        good = self.home.path / "greet"
        good.mkdir()
        (good / "lambda_function.py").write_text(
            "def lambda_handler(event, context):\n    return {'greeting': 'Hello ' + event['who']}\n")
        (good / "function.yaml").write_text(
            "apiVersion: actionengine/v1\nkind: Function\nname: greet\ndescription: Greets somebody.\n"
            "input: {type: object, properties: {who: {type: string}}, required: [who]}\n"
            "output: {type: object, properties: {greeting: {type: string}}, required: [greeting]}\n")
        self.ae("fn", "add", str(good))
        self.assertIn("greeting", self.ae("fn", "show", "greet").stdout)
        (good / "function.yaml").write_text(
            "apiVersion: actionengine/v1\nkind: Function\nname: greet\ndescripton: Greets.\n")
        refused = self.ae("fn", "add", str(good), code=2)
        self.assertIn("description", refused.stderr)
        self.assertIn("Greets somebody", self.ae("fn", "show", "greet").stdout)


class Mistakes(WithHome):
    def test_wrong_usage_exits_2_and_says_what_is_right(self):
        cases = [
            ((), ""), (("fly",), ""), (("plan",), "query"), (("plan", "x", "--fast"), "--fast"),
            (("list", "-o", "xml"), "xml"), (("list", "--port", "99999"), "65535"),
            (("run",), "-f FILE"),
            (("serve", "--detach", "--stop"), "--stop"), (("completion", "tcsh"), "bash"),
            (("fn",), ""), (("plan", ""), "empty"),
        ]
        for arguments, words in cases:
            with self.subTest(arguments=arguments):
                done = self.ae(*arguments, code=2)
                self.assertIn(words, done.stderr + done.stdout)

    def test_what_does_not_exist_exits_1_and_is_named(self):
        for arguments in (("get", "no-such"), ("get", "run_nosuch"), ("invoke", "no-such"),
                          ("fn", "show", "playmusik"), ("logs", "run_nosuch"),
                          ("fn", "add", "/no/such/folder"),
                          ("run", "resize it", "-f", "/no/such/photo"), ("lint", "-f", "/no/such/file"),
                          ("resume", "run_nosuch"), ("trace", "run_nosuch")):
            with self.subTest(arguments=arguments):
                done = self.ae(*arguments, code=1)
                self.assertIn("error: ", done.stderr)
                self.assertNotIn("exception", done.stderr.lower())
        self.assertIn("playmusic", self.home.ae("fn", "show", "playmusik").stderr)

    def test_malformed_files_are_refused_with_their_line(self):
        done = self.ae("lint", "-f", "-", stdin="nodes: [", code=2)
        self.assertIn("line", done.stderr)
        done = self.ae("lint", "-f", "-", stdin='{"kind": "Workflow"}', code=1)
        self.assertIn("missing_member", done.stdout)

    def test_a_wrong_setting_is_named_with_its_source(self):
        settings = self.home.path / "home" / "ae.yaml"
        before = settings.read_text()
        try:
            settings.write_text("prot: 9000\n")
            self.assertIn("did you mean port", self.ae("list", code=2).stderr)
        finally:
            settings.write_text(before)

    def test_every_command_has_help(self):
        script = self.ae("completion", "bash").stdout
        paths = re.findall(r'^\s+"([a-z ]+)"\) words=', script, re.MULTILINE)
        self.assertGreater(len(paths), 18)
        for path in paths:
            with self.subTest(command=path):
                text = self.ae(*path.split(), "--help").stdout
                self.assertIn("Usage: ", text)
                if path not in ("fn", "secret", "files"):  # what groups commands does nothing itself
                    self.assertIn("Examples:", text)

    def test_completion_completes(self):
        script = self.ae("completion", "bash").stdout
        def complete(*words):
            line = " ".join(shlex.quote(word) for word in words)
            shell = f"{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _ae; " \
                    "echo \"${COMPREPLY[@]}\""
            return subprocess.run(["bash", "-c", shell], capture_output=True, text=True,
                                  check=True).stdout.split()
        self.assertIn("plan", complete("ae", "pl"))
        self.assertIn("search", complete("ae", "fn", "se"))
        self.assertNotIn("plan", complete("ae", "fn", "pl"))
        self.assertIn("--approve", complete("ae", "run", "--ap"))


class Server(unittest.TestCase):
    def test_a_background_server_starts_once_and_stops(self):
        with harness.Home() as home:
            self.assertIn("no server", home.ae("serve", "--stop").stdout)
            started = home.ae("serve", "--detach")
            self.assertEqual(started.returncode, 0, started.stderr)
            self.assertIn("already runs", home.ae("serve", "--detach").stdout)
            self.assertIn("in use", home.ae("serve").stderr)
            self.assertEqual(home.ae("list").returncode, 0)
            self.assertIn("runs at", home.ae("doctor").stdout)
            self.assertIn("has stopped", home.ae("serve", "--stop").stdout)
            self.assertEqual(home.ae("list").returncode, 0)  # in process again
            self.assertEqual(harness.processes_mentioning(str(home.path)), [])

    def test_a_port_in_use_is_named(self):
        with harness.Home() as first, harness.Home() as second:
            first.start()
            port = first.url.rsplit(":", 1)[1]
            done = second.ae("serve", "--port", port)
            self.assertEqual(done.returncode, 1)
            self.assertIn(port, done.stderr)


if __name__ == "__main__":
    unittest.main()
