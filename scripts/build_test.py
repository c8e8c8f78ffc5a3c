#!/usr/bin/python3
"""Tests lib.sh's configure, build and run_tests on a project of one file."""
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parent
PRESETS = """{"version": 6, "configurePresets": [{"name": "dev", "generator": "Ninja",
  "binaryDir": "${sourceDir}/build/${presetName}",
  "cacheVariables": {"CMAKE_CXX_COMPILER": "clang++-19"%s}}]}
"""
PROJECT = """cmake_minimum_required(VERSION 3.25)
project(small LANGUAGES CXX)
enable_testing()
add_executable(small small.cc)
add_test(NAME passes COMMAND small)
add_test(NAME settings COMMAND sh -c "test -z \\"$AE_HOME\\"")
"""


class Build(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="ae-build-")
        self.addCleanup(scratch.cleanup)
        self.root = pathlib.Path(scratch.name) / "tree"
        (self.root / "scripts").mkdir(parents=True)
        shutil.copy(SCRIPTS / "lib.sh", self.root / "scripts/lib.sh")
        self.write("CMakePresets.json", PRESETS % "")
        self.write("CMakeLists.txt", PROJECT)
        self.write("small.cc", "int main() { return 0; }\n")

    def write(self, path, text):
        (self.root / path).write_text(text, encoding="utf-8")

    def shell(self, commands, **environment):
        return subprocess.run(
            ["bash", "-c", f"set -euo pipefail; source {self.root}/scripts/lib.sh; {commands}"],
            capture_output=True, text=True, cwd="/", stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.root), **environment})

    def make(self):
        return self.shell("configure dev; build dev")

    def test_it_builds_once_and_is_silent_when_nothing_changed(self):
        first = self.make()
        self.assertEqual(0, first.returncode, first.stderr)
        self.assertIn("configuring (dev)", first.stderr)
        self.assertIn("built (dev)", first.stderr)
        again = self.make()
        self.assertEqual((0, "", ""), (again.returncode, again.stdout, again.stderr))

    def test_a_failed_build_shows_the_first_error_and_the_log(self):
        self.write("small.cc", "int main() { return nothing; }\n")
        failed = self.make()
        self.assertEqual(1, failed.returncode)
        self.assertIn("undeclared identifier 'nothing'", failed.stderr)
        self.assertIn("build/logs/build-dev.log", failed.stderr)
        self.assertNotIn("-o CMakeFiles", failed.stderr)
        self.write("small.cc", "int main() { return 0; }\n")
        self.assertEqual(0, self.make().returncode)

    def test_a_failed_link_shows_what_is_missing(self):
        self.write("small.cc", "int gone();\nint main() { return gone(); }\n")
        failed = self.make()
        self.assertEqual(1, failed.returncode)
        self.assertIn("gone()", failed.stderr)

    def test_a_failed_configuration_says_what_to_do_and_starts_over_next_time(self):
        self.write("CMakeLists.txt", PROJECT + "find_package(NoSuchThing REQUIRED)\n")
        failed = self.make()
        self.assertEqual(1, failed.returncode)
        self.assertIn("NoSuchThing", failed.stderr)
        self.assertIn("scripts/setup.sh", failed.stderr)
        self.write("CMakeLists.txt", PROJECT)
        self.assertEqual(0, self.make().returncode)

    def test_changed_presets_configure_anew(self):
        self.assertEqual(0, self.make().returncode)
        self.write("CMakePresets.json", PRESETS % ', "NEW": "1"')
        self.assertIn("configuring (dev)", self.make().stderr)
        cache = (self.root / "build/dev/CMakeCache.txt").read_text(encoding="utf-8")
        self.assertIn("NEW:UNINITIALIZED=1", cache)

    def test_a_tree_that_was_moved_builds(self):
        self.assertEqual(0, self.make().returncode)
        moved = self.root.parent / "elsewhere"
        self.root.rename(moved)
        self.root = moved
        done = self.make()
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("configuring (dev)", done.stderr)

    def test_tests_end_with_ctests_own_lines_and_do_not_see_the_callers_settings(self):
        self.assertEqual(0, self.make().returncode)
        done = self.shell("run_tests dev", AE_HOME="/somewhere")
        self.assertEqual(0, done.returncode, done.stdout)
        self.assertIn("100% tests passed, 0 tests failed out of 2", done.stdout)
        self.assertTrue(done.stdout.rstrip().splitlines()[-1].startswith("Total Test time"))
        self.assertNotEqual(0, self.shell("run_tests dev -R nonesuch").returncode)

    def test_the_number_of_jobs_can_be_given(self):
        self.assertEqual("3\n", self.shell("jobs", CMAKE_BUILD_PARALLEL_LEVEL="3").stdout)
        self.assertGreaterEqual(int(self.shell("jobs").stdout), 1)


if __name__ == "__main__":
    unittest.main()
