"""Calls bundled functions without the engine, for tests: Python, Node and `bootstrap` packages.

`load_packs` reads the sidecars; `invoke` calls a function once, cold; `worker` gives a process (for
Python: a module) that stays warm for several calls. Events and results pass through JSON text.
"""
import contextlib
import http.server
import importlib.util
import json
import os
import pathlib
import queue
import subprocess
import sys
import threading

import yaml

NODE = "/usr/bin/node"
# Reads one event a line, answers with one line: {"result": …} or {"error": {type, message}}.
NODE_DRIVER = """
import readline from "node:readline";
import { pathToFileURL } from "node:url";
const [file, name] = process.argv.slice(1);
const loaded = await import(pathToFileURL(file));
const handler = loaded[name] ?? loaded.default?.[name];
for await (const line of readline.createInterface({ input: process.stdin })) {
  let answer;
  try {
    const event = JSON.parse(line);
    const result = await new Promise((done, failed) => {
      const callback = (error, value) => (error ? failed(error) : done(value));
      const promise = handler(event, {}, callback);
      if (promise?.then) promise.then(done, failed);
    });
    answer = { result };
  } catch (error) {
    answer = { error: { type: error.name, message: String(error.message) } };
  }
  process.stdout.write(JSON.stringify(answer) + "\\n");
}
"""


class StatusCodeError(Exception):
    """The handler answered as API Gateway expects, with an error status."""


def load_packs(packs_dir):
    """Maps each function folder below packs_dir to its sidecar, in order of path."""
    paths = sorted(pathlib.Path(packs_dir).glob("*/*/function.yaml"))
    return {path.parent: yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths}


def needs_s3(folder):
    """Such functions are called by tests/e2e/images_test.py, which has a server with buckets."""
    path = folder / "lambda_function.py"
    return path.exists() and "import boto3" in path.read_text(encoding="utf-8")


@contextlib.contextmanager
def lambda_environment(spec, state_dir):
    """What the runner sets for a worker: the sidecar's variables and a folder to write to."""
    before = dict(os.environ)
    os.environ.update({k: str(v) for k, v in spec.get("environment", {}).items()})
    os.environ.update({"AE_STATE_DIR": str(state_dir), "TZ": ":UTC", "_HANDLER": spec["handler"]})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def load_handler(folder, spec):
    """Imports the handler from its folder under a name of its own; leaves no __pycache__."""
    module_name, function_name = spec["handler"].rsplit(".", 1)
    sys.dont_write_bytecode = True
    unique = f"{module_name}_{folder.parent.name}_{folder.name}"
    found = importlib.util.spec_from_file_location(unique, folder / f"{module_name}.py")
    module = importlib.util.module_from_spec(found)
    # Modules beside the handler belong to it alone: other functions have some of the same name.
    own = {path.stem for path in folder.glob("*.py")}
    sys.path.insert(0, str(folder))
    try:
        found.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
        for name in own & sys.modules.keys():
            del sys.modules[name]
    return getattr(module, function_name)


def raise_error(kind, message):
    raise type(kind, (Exception,), {})(message)


@contextlib.contextmanager
def node_worker(folder, spec):
    module_name, function_name = spec["handler"].rsplit(".", 1)
    file = next(path for suffix in (".mjs", ".cjs", ".js")
                if (path := folder / (module_name + suffix)).exists())
    process = subprocess.Popen(
        [NODE, "--input-type=module", "--eval", NODE_DRIVER, str(file), function_name],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def call(arguments):
        process.stdin.write(json.dumps(arguments) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        if "error" in answer:
            raise_error(answer["error"]["type"], answer["error"]["message"])
        return answer["result"]

    try:
        yield call
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


class RuntimeApi(http.server.BaseHTTPRequestHandler):
    """Lambda's Runtime API as far as one worker without errors of its own needs it."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        event = self.server.events.get()
        if event is None:  # the test is over: the worker waits here when it is killed
            return
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "request-1")
        self.send_header("Content-Length", str(len(event)))
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answers.put((self.path, json.loads(body)))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class RuntimeApiServer(http.server.ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), RuntimeApi)
        self.events, self.answers = queue.Queue(), queue.Queue()

    def handle_error(self, request, client_address):
        """A worker that is killed while it waits is no error."""


@contextlib.contextmanager
def bootstrap_worker(folder):
    server = RuntimeApiServer()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    address = f"127.0.0.1:{server.server_port}"
    process = subprocess.Popen([folder / "bootstrap"],
                               env=dict(os.environ, AWS_LAMBDA_RUNTIME_API=address))

    def call(arguments):
        server.events.put(json.dumps(arguments).encode())
        path, answer = server.answers.get(timeout=30)
        if path.endswith("/error"):
            raise_error(answer["errorType"], answer["errorMessage"])
        return answer

    try:
        yield call
    finally:
        server.events.put(None)
        process.kill()
        process.wait()
        server.shutdown()
        server.server_close()


def init_error(folder):
    """What a `bootstrap` that cannot start says to the Runtime API before it ends."""
    server = RuntimeApiServer()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    address = f"127.0.0.1:{server.server_port}"
    try:
        done = subprocess.run([folder / "bootstrap"], timeout=30, check=False,
                              env=dict(os.environ, AWS_LAMBDA_RUNTIME_API=address))
        path, error = server.answers.get(timeout=30)
    finally:
        server.shutdown()
        server.server_close()
    if done.returncode == 0 or not path.endswith("/init/error"):
        raise AssertionError(f"ended with {done.returncode} after a message to {path}")
    return error["errorMessage"]


@contextlib.contextmanager
def worker(folder, spec, state_dir):
    """A warm worker: a callable from event to result, each call over JSON both ways."""
    with lambda_environment(spec, state_dir):
        if spec["runtime"].startswith("nodejs"):
            with node_worker(folder, spec) as call:
                yield call
        elif spec["runtime"].startswith("provided"):
            with bootstrap_worker(folder) as call:
                yield call
        else:
            handler = load_handler(folder, spec)
            yield lambda event: json.loads(json.dumps(handler(json.loads(json.dumps(event)), None)))


def invoke(folder, spec, arguments, state_dir):
    """One cold invocation; unwraps an API Gateway response."""
    with worker(folder, spec, state_dir) as call:
        result = call(arguments)
    if "statusCode" in result and "statusCode" not in spec["output"]["properties"]:
        if result["statusCode"] >= 400:
            raise StatusCodeError(result["body"])
        result = json.loads(result["body"])
    return result
