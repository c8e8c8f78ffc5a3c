"""kill -9 with 200 workflows in flight: all finish after the restart, none is lost, and no step
whose result was on record runs again."""

import collections
import concurrent.futures
import datetime
import json
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import harness  # noqa: E402

RUNS = 200

DIAMOND = {
    "apiVersion": "actionengine/v1",
    "kind": "Workflow",
    "metadata": {"name": "diamond"},
    "inputs": {"type": "object", "properties": {"tag": {"type": "string"}}, "required": ["tag"]},
    "nodes": [
        {"id": "start", "function": "slow_start", "arguments": {"tag": {"input": "tag"}}},
        {"id": "left", "function": "slow_left",
         "arguments": {"tag": {"node": "start", "output": "tag"}}},
        {"id": "right", "function": "slow_right",
         "arguments": {"tag": {"node": "start", "output": "tag"}}},
        {"id": "join", "function": "slow_join",
         "arguments": {"tag": {"node": "left", "output": "tag"},
                       "other": {"node": "right", "output": "tag"}}},
    ],
    "outputs": {"tag": {"node": "join", "output": "tag"}},
}


def seconds(stamp: str) -> float:
    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


class Crash(unittest.TestCase):
    def calls(self, home):
        found = []
        for path in (home.path / "home" / "state").rglob("calls.jsonl"):
            for line in path.read_text().splitlines():
                found.append(json.loads(line))
        return found

    def start_runs(self, home):
        def start(number):
            status, run, _ = home.call("POST", "/v1/workflows/diamond/runs",
                                       {"input": {"tag": f"t{number}"}})
            assert status == 202, run
            return run["id"], f"t{number}"

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            return dict(pool.map(start, range(RUNS)))

    def await_all(self, home, ids):
        states = {}
        deadline = time.monotonic() + 180
        for run_id in ids:
            while True:
                self.assertLess(time.monotonic(), deadline, "runs did not finish in time")
                status, run, _ = home.call("GET", f"/v1/runs/{run_id}?wait=10")
                self.assertEqual(status, 200, run)
                if run["status"] != "running":
                    states[run_id] = run
                    break
        return states

    def test_two_hundred_runs_survive_two_kills(self):
        with harness.Home(pathlib.Path(__file__).parent / "crash_pack") as home:
            self.assertEqual(home.ae("init").returncode, 0)
            home.start()
            status, answer, _ = home.call("POST", "/v1/workflows", {"workflow": DIAMOND})
            self.assertEqual(status, 201, answer)
            accepted = self.start_runs(home)
            kills = []
            for _ in range(2):
                time.sleep(0.5)  # lets some finish, leaves most in flight
                home.kill()
                kills.append(time.time())
                home.start()
            states = self.await_all(home, accepted)
            recorded = {run_id: home.call("GET", f"/v1/runs/{run_id}")[1] for run_id in accepted}
            self.assertEqual(harness.processes_mentioning(str(home.path / "nothing")), [])
            calls = self.calls(home)

        self.assertEqual(len(states), RUNS)
        for run_id, tag in accepted.items():
            self.assertEqual(states[run_id]["status"], "succeeded", states[run_id])
            self.assertEqual(states[run_id]["outputs"], {"tag": tag})
        self.check_no_repeats(recorded, accepted, calls, kills)

    def check_no_repeats(self, recorded, accepted, calls, kills):
        by_step = collections.defaultdict(list)
        for call in calls:
            by_step[(call["tag"], call["function"])].append(call["at"])
        interrupted = 0
        for run_id, tag in accepted.items():
            for step in recorded[run_id]["steps"]:
                times = by_step[(tag, "slow_" + step["id"])]
                finished = seconds(step["finished_at"])
                self.assertGreaterEqual(len(times), 1)
                self.assertLessEqual(len(times), 1 + len(kills))
                # On record before a kill: never called after it.
                for kill in kills:
                    if finished < kill - 0.001:
                        self.assertFalse([at for at in times if at > kill], (run_id, step))
                interrupted += len(times) > 1
        # The kills really fell into the middle of the work.
        self.assertTrue(any(seconds(step["finished_at"]) > kills[-1]
                            for run in recorded.values() for step in run["steps"]))
        print(f"{interrupted} steps were under way at a kill and ran again")


if __name__ == "__main__":
    unittest.main()
