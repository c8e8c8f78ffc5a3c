"""The built `ae` in a home folder of its own, for tests that drive the whole program."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def program() -> str:
    path = os.environ.get("AE_PROGRAM", "")
    if not path:
        raise SystemExit("set AE_PROGRAM to the built ae, for instance build/dev/ae")
    return path


def bundled_packs() -> pathlib.Path:
    """The functions as the build assembles them, compiled ones included."""
    return pathlib.Path(program()).resolve().parent / "packs"


class Home:
    """One home folder, the commands run against it, and its server."""

    def __init__(self, packs=None):
        self._folder = tempfile.TemporaryDirectory(prefix="ae-e2e-")
        self.path = pathlib.Path(self._folder.name)
        self.packs = bundled_packs() if packs is None else pathlib.Path(packs)
        self.server = None
        self.url = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.ae("serve", "--stop")  # one that a command has started in the background
        self._folder.cleanup()

    def environment(self) -> dict:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("AE_")}
        return kept | {"AE_HOME": str(self.path / "home"), "AE_PACKS": str(self.packs),
                       "AE_PORT": "0", "NO_COLOR": "1"}

    def ae(self, *arguments, stdin="", timeout=120):
        """Runs one command; returns the finished process with text output."""
        return subprocess.run([program(), *arguments], input=stdin, text=True, timeout=timeout,
                              capture_output=True, env=self.environment(), cwd=self.path,
                              check=False)

    def start(self):
        """Starts the server in the foreground of a child and waits until it listens."""
        self.server = subprocess.Popen([program(), "serve"], env=self.environment(), cwd=self.path,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        published = self.path / "home" / "server.json"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.server.poll() is not None:
                raise AssertionError("the server ended: " + self.server.stdout.read())
            with contextlib.suppress(OSError, ValueError):
                info = json.loads(published.read_text())
                if info["pid"] == self.server.pid:
                    self.url = info["url"]
                    return
            time.sleep(0.01)
        raise AssertionError("the server did not listen within a minute")

    def kill(self):
        """Power off, as far as a process can tell."""
        self.server.send_signal(signal.SIGKILL)
        self.server.wait()
        self.server.stdout.close()
        self.server = None

    def stop(self):
        if self.server is None:
            return
        self.server.send_signal(signal.SIGTERM)
        try:
            self.server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()
            raise AssertionError("the server did not stop within 30 s of SIGTERM") from None
        finally:
            self.server.stdout.close()
            self.server = None

    def call(self, method, path, body=None, headers=None, timeout=120):
        """One HTTP exchange: (status, parsed body, headers). Statuses >= 400 do not raise."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, _parsed(answer.read()), answer.headers
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, _parsed(refused.read()), refused.headers


def _parsed(data: bytes):
    try:
        return json.loads(data) if data else None
    except ValueError:
        return data.decode(errors="replace")


def processes_mentioning(text: str) -> list:
    """Command lines of living processes that contain `text`."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if text in line:
                found.append(line)
    return found
