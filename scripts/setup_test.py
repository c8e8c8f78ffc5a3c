#!/usr/bin/python3
"""Tests setup.sh against a dpkg and an apt-get of its own, so that nothing is installed."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parent

# Both keep their state in $STATE: installed (a line a package), calls, and what apt-get cannot do.
DPKG_QUERY = """#!/bin/bash
status=0
for package in "$@"; do
  case $package in -*) continue ;; esac
  if grep -qxF "$package" "$STATE/installed"; then echo "ii $package"; else status=1; fi
done
echo called >>"$STATE/dpkg_calls"
exit $status
"""
APT_GET = """#!/bin/bash
verb=
for word in "$@"; do
  case $word in
    install | update) verb=$word ;;
  esac
done
echo "$verb" >>"$STATE/apt_calls"
if [[ $verb == update ]]; then
  if [[ -e $STATE/offline ]]; then echo "E: Could not resolve 'mirror'"; exit 100; fi
  touch "$STATE/lists"
  exit 0
fi
if [[ ! -e $STATE/lists ]]; then echo "E: Unable to locate package ninja-build"; exit 100; fi
if [[ -e $STATE/full ]]; then echo "E: No space left on device"; exit 100; fi
echo "dlstatus:1:50.0000:Retrieving file 1 of 2"
echo "pmstatus:ninja-build:90.0:Unpacking ninja-build"
for word in "$@"; do
  case $word in
    -* | *=* | install) ;;
    *) echo "$word" >>"$STATE/installed" ;;
  esac
done
"""


@unittest.skipUnless(os.geteuid() == 0, "setup.sh asks for root before it calls apt-get")
class Setup(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="ae-setup-")
        self.addCleanup(scratch.cleanup)
        self.root = pathlib.Path(scratch.name)
        (self.root / "scripts").mkdir()
        for name in ("setup.sh", "lib.sh", "packages.txt"):
            shutil.copy(SCRIPTS / name, self.root / "scripts" / name)
        self.state = self.root / "state"
        self.state.mkdir()
        (self.state / "lists").touch()
        bin_folder = self.root / "bin"
        bin_folder.mkdir()
        for name, text in [("dpkg-query", DPKG_QUERY), ("apt-get", APT_GET)]:
            (bin_folder / name).write_text(text, encoding="utf-8")
            (bin_folder / name).chmod(0o755)
        self.environment = {"PATH": f"{bin_folder}:/usr/bin:/bin", "STATE": str(self.state)}
        self.install(*self.packages("run", "test", "check"))

    def setup(self, *arguments, **environment):
        return subprocess.run(
            [self.root / "scripts/setup.sh", *arguments], capture_output=True, text=True,
            cwd="/", env={**self.environment, **environment}, stdin=subprocess.DEVNULL)

    def packages(self, *sets):
        listed = self.setup("--list", *sets)
        self.assertEqual(0, listed.returncode, listed.stderr)
        return listed.stdout.split()

    def install(self, *names):
        (self.state / "installed").write_text("".join(f"{n}\n" for n in names), encoding="utf-8")

    def calls(self, program):
        path = self.state / f"{program}_calls"
        return path.read_text(encoding="utf-8").split() if path.exists() else []

    def test_it_is_silent_and_asks_dpkg_once_when_nothing_is_missing(self):
        done = self.setup("run", "test", "check")
        self.assertEqual((0, "", ""), (done.returncode, done.stdout, done.stderr))
        self.assertEqual(["called"], self.calls("dpkg"))
        self.assertEqual([], self.calls("apt"))

    def test_it_installs_only_what_is_missing_without_fetching_lists(self):
        self.install(*[name for name in self.packages("run") if name != "ninja-build"])
        done = self.setup("run")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("installing 1 packages: ninja-build", done.stderr)
        self.assertEqual(["install"], self.calls("apt"))
        self.assertIn("ninja-build", (self.state / "installed").read_text(encoding="utf-8").split())
        self.assertEqual("", self.setup("run").stderr)

    def test_it_fetches_the_lists_of_a_fresh_machine(self):
        (self.state / "lists").unlink()
        self.install()
        done = self.setup("run")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(["install", "update", "install"], self.calls("apt"))
        self.assertIn("fetching the package lists", done.stderr)

    def test_without_network_it_says_so_and_names_the_log(self):
        (self.state / "lists").unlink()
        (self.state / "offline").touch()
        self.install()
        done = self.setup("run")
        self.assertEqual(1, done.returncode)
        self.assertIn("Could not resolve", done.stderr)
        self.assertIn("check the network", done.stderr)
        self.assertIn("build/logs/setup.log", done.stderr)

    def test_a_full_disk_is_named(self):
        (self.state / "full").touch()
        self.install()
        done = self.setup("run")
        self.assertEqual(1, done.returncode)
        self.assertIn("the disk is full", done.stderr)

    def test_an_unknown_set_is_refused_with_the_known_ones(self):
        done = self.setup("everything")
        self.assertEqual(1, done.returncode)
        self.assertIn("no set 'everything'", done.stderr)
        self.assertIn("check run test", done.stderr)

    def test_another_distribution_is_told_what_to_install(self):
        for name in ("dpkg-query", "apt-get"):
            (self.root / "bin" / name).unlink()
        tools = self.root / "bin"
        for name in ("bash", "env", "dirname", "awk", "sed", "cat", "sort", "tr"):
            (tools / name).symlink_to(shutil.which(name))
        done = self.setup("run", PATH=str(tools))
        self.assertEqual(1, done.returncode)
        self.assertIn("clang-19", done.stderr)
        self.assertIn("AE_SKIP_SETUP=1", done.stderr)

    def test_it_can_be_told_to_leave_the_machine_alone(self):
        self.install()
        done = self.setup("run", AE_SKIP_SETUP="1")
        self.assertEqual((0, "", []), (done.returncode, done.stderr, self.calls("apt")))


class WithoutRoot(unittest.TestCase):
    def test_it_prints_the_line_that_somebody_else_can_run(self):
        with tempfile.TemporaryDirectory(prefix="ae-setup-") as scratch:
            root = pathlib.Path(scratch)
            shutil.copytree(SCRIPTS, root / "scripts")
            (root / "bin").mkdir()
            # No package is installed, there is no sudo, and the caller is nobody.
            for name, text in [("dpkg-query", "exit 1"), ("apt-get", "exit 99")]:
                (root / "bin" / name).write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
                (root / "bin" / name).chmod(0o755)
            for name in ("bash", "env", "dirname", "awk", "sed", "cat"):
                (root / "bin" / name).symlink_to(shutil.which(name, path="/usr/bin:/bin"))
            root.chmod(0o755)
            as_nobody = {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}
            done = subprocess.run(
                [root / "scripts/setup.sh", "run"], capture_output=True, text=True, cwd="/",
                env={"PATH": str(root / "bin")}, stdin=subprocess.DEVNULL, **as_nobody)
            self.assertEqual(1, done.returncode, done.stderr)
            self.assertIn("takes root", done.stderr)
            self.assertRegex(done.stderr, r"apt-get update && apt-get install .*clang-19")


if __name__ == "__main__":
    unittest.main()
