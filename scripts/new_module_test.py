#!/usr/bin/python3
"""Tests that what new_module.sh makes compiles and keeps the layers."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
SCRIPTS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(SCRIPTS))

import check_layers  # noqa: E402  (needs the path above)


class NewModule(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="ae-module-")
        self.addCleanup(scratch.cleanup)
        self.root = pathlib.Path(scratch.name)
        (self.root / "scripts").mkdir()
        for name in ("new_module.sh", "lib.sh"):
            shutil.copy(SCRIPTS / name, self.root / "scripts" / name)
        shutil.copytree(SCRIPTS.parent / "src/base", self.root / "src/base")
        (self.root / "src/base/README.md").write_text("# base\n", encoding="utf-8")

    def make(self, *arguments):
        return subprocess.run([self.root / "scripts/new_module.sh", *arguments],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)

    def test_it_compiles_without_a_warning(self):
        self.assertEqual(0, self.make("compile").returncode)
        for source in ("compile.cc", "compile_test.cc"):
            done = subprocess.run(
                ["clang++-19", "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Wconversion",
                 "-Wshadow", "-Werror", f"-I{self.root}/src", self.root / "src/compile" / source],
                capture_output=True, text=True)
            self.assertEqual(0, done.returncode, done.stderr)

    def test_it_keeps_the_layers_once_its_two_lines_are_added(self):
        made = self.make("compile")
        self.assertIn("add_subdirectory(src/compile)", made.stderr)
        (self.root / "CMakeLists.txt").write_text(
            "add_subdirectory(src/base)\nadd_subdirectory(src/compile)\n", encoding="utf-8")
        (self.root / "ARCHITECTURE.md").write_text(
            "## The modules\n\n| `base` | below | x | |\n| `compile` | runs | x | base |\n",
            encoding="utf-8")
        self.assertEqual([], check_layers.check(self.root))

    def test_a_name_that_is_taken_or_no_word_is_refused(self):
        for name, why in [("base", "exists already"), ("Compile", "usage"), ("", "usage"),
                          ("../x", "usage")]:
            with self.subTest(name=name):
                done = self.make(name)
                self.assertEqual(1, done.returncode)
                self.assertIn(why, done.stderr)

    def test_an_unknown_dependency_is_refused_before_anything_is_made(self):
        done = self.make("compile", "nonesuch")
        self.assertEqual(1, done.returncode)
        self.assertIn("no module 'nonesuch'", done.stderr)
        self.assertFalse((self.root / "src/compile").exists())


if __name__ == "__main__":
    unittest.main()
