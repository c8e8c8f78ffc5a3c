"""The whole server under load, from outside.

Workload: a diamond of four Python functions that do nothing (noop_pack), about 200 bytes of JSON in
and out, POST /api/diamond in a closed loop with 1 and 64 callers, every step journalled and synced.
Reference, measured in the same run: the same HTTP calls to /healthz, which only answer. Also
start-up (process start until it listens, on a home folder that already exists) and memory.

    AE_PROGRAM=build/bench/ae python3 bench/server_bench.py [--seconds 10] [--json FILE]
"""

import argparse
import http.client
import json
import os
import pathlib
import statistics
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "e2e"))
import harness  # noqa: E402

DIAMOND = {
    "apiVersion": "actionengine/v1", "kind": "Workflow", "metadata": {"name": "diamond"},
    "inputs": {"type": "object", "properties": {"tag": {"type": "string"}}, "required": ["tag"]},
    "nodes": [
        {"id": "first", "function": "noop_first", "arguments": {"tag": {"input": "tag"}}},
        {"id": "left", "function": "noop_left",
         "arguments": {"tag": {"node": "first", "output": "tag"}}},
        {"id": "right", "function": "noop_right",
         "arguments": {"tag": {"node": "first", "output": "tag"}}},
        {"id": "last", "function": "noop_last",
         "arguments": {"tag": {"node": "left", "output": "tag"},
                       "other": {"node": "right", "output": "tag"}}},
    ],
    "outputs": {"tag": {"node": "last", "output": "tag"}},
}
BODY = json.dumps({"tag": "x" * 180})


def load(home, callers, seconds, method, path, body):
    """Requests per second and the sorted latencies in milliseconds of a closed loop."""
    host, port = home.url.removeprefix("http://").split(":")
    latencies = []
    lock = threading.Lock()
    end = time.monotonic() + seconds

    def caller():
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        mine = []
        while time.monotonic() < end:
            start = time.perf_counter()
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"{method} {path} answered {answer.status}")
            mine.append(1000 * (time.perf_counter() - start))
        with lock:
            latencies.extend(mine)

    threads = [threading.Thread(target=caller) for _ in range(callers)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(latencies) / (time.monotonic() - start), sorted(latencies)


def memory_mb(pid):
    """Proportional set size of the server and its workers, and of the server alone."""
    def pss(process):
        for line in pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
        return 0.0

    children = pathlib.Path(f"/proc/{pid}/task").glob("*/children")
    workers = {int(word) for file in children for word in file.read_text().split()}
    alone = pss(pid)
    return alone, alone + sum(pss(worker) for worker in workers)


def start_up(home, times):
    durations = []
    for _ in range(times):
        start = time.monotonic()
        home.start()
        durations.append(1000 * (time.monotonic() - start))
        home.stop()
    return statistics.median(durations)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--json", help="also write the figures here")
    options = parser.parse_args()
    figures = []

    def report(name, value, unit):
        figures.append({"name": name, "value": round(value, 3), "unit": unit})
        print(f"{name:<52} {value:>10.2f} {unit}", flush=True)

    print(f"machine: {os.cpu_count()} processors; workload: see the top of this file")
    with harness.Home(HERE / "noop_pack") as home:
        if home.ae("init").returncode != 0:
            raise SystemExit("ae init failed")
        report("start-up until it listens, median of 5", start_up(home, 5), "ms")
        home.start()
        report("memory of an idle server (PSS)", memory_mb(home.server.pid)[0], "MB")
        status, answer, _ = home.call("POST", "/v1/workflows", {"workflow": DIAMOND})
        if status != 201:
            raise SystemExit(f"registration failed: {answer}")
        load(home, 4, 2, "POST", "/api/diamond", BODY)  # warms the workers
        for callers in (1, 64):
            base, base_times = load(home, callers, options.seconds / 4, "GET", "/healthz", None)
            rate, times = load(home, callers, options.seconds, "POST", "/api/diamond", BODY)
            report(f"four-step runs per second, {callers} callers", rate, "/s")
            report(f"  latency p50, {callers} callers", times[len(times) // 2], "ms")
            report(f"  latency p99, {callers} callers", times[int(len(times) * 0.99)], "ms")
            report(f"  p50 as a multiple of an empty request, {callers} callers",
                   times[len(times) // 2] / base_times[len(base_times) // 2], "x")
            report(f"  empty requests per second, {callers} callers", base, "/s")
        alone, together = memory_mb(home.server.pid)
        report("memory of the server after the load (PSS)", alone, "MB")
        report("memory with its workers after the load (PSS)", together, "MB")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
