#!/usr/bin/python3
"""Tests check_layers.py on small trees that break one rule each."""
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import check_layers  # noqa: E402  (needs the path above)

SIDES = {"base": "below", "json": "below", "dag": "waist", "solve": "makes", "execute": "runs",
         "cli": "edge"}
DEPS = {"base": [], "json": ["base"], "dag": ["base", "json"], "solve": ["base", "json", "dag"],
        "execute": ["base", "dag"], "cli": ["base", "dag", "solve", "execute"]}


class Tree:
    """A source tree that keeps every rule, until a test changes it."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder)
        for name, deps in DEPS.items():
            self.module(name, deps)
            self.write(f"src/{name}/{name}.h", "#pragma once\n")
            self.write(f"src/{name}/README.md", f"# {name}\n")
            used = "".join(f'#include "{dep}/{dep}.h"\n' for dep in deps)
            self.write(f"src/{name}/{name}.cc", f'#include "{name}/{name}.h"\n{used}')
        self.write("CMakeLists.txt", "".join(f"add_subdirectory(src/{name})\n" for name in DEPS))
        self.table(DEPS)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def append(self, path, text):
        self.write(path, (self.root / path).read_text(encoding="utf-8") + text)

    def module(self, name, deps, more=""):
        dep_list = f"  DEPS {' '.join(deps)}\n" if deps else ""
        self.write(f"src/{name}/CMakeLists.txt",
                   f"ae_module({name}\n{dep_list}  SOURCES {name}.cc{more})\n")

    def table(self, deps_of, sides=None):
        rows = "".join(f"| `{name}` | {(sides or SIDES)[name]} | what | {', '.join(deps)} |\n"
                       for name, deps in deps_of.items())
        self.write("ARCHITECTURE.md", f"# A\n\n## The modules\n\n| m | s | w | d |\n|---|---|---|---|\n"
                                      f"{rows}\n## More\n\n| `other` | x | y | z |\n")


class CheckLayers(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="ae-layers-")
        self.addCleanup(scratch.cleanup)
        self.tree = Tree(scratch.name)

    def violations(self):
        return check_layers.check(self.tree.root)

    def expect(self, *parts):
        """Exactly one violation, which holds all the parts."""
        found = self.violations()
        self.assertEqual(1, len(found), found)
        for part in parts:
            self.assertIn(part, found[0])

    def test_a_tree_that_keeps_the_rules_passes(self):
        self.assertEqual([], self.violations())

    def test_an_include_that_deps_do_not_allow_is_named_with_its_line(self):
        self.tree.append("src/dag/dag.cc", '\n#include "cli/cli.h"\n')
        self.expect("src/dag/dag.cc:5", "DEPS lack cli")

    def test_a_header_of_no_module_is_found(self):
        self.tree.append("src/dag/dag.cc", '#include "order.h"\n')
        self.expect("src/dag/dag.cc:4", "names no module")

    def test_internal_headers_are_their_modules_own(self):
        self.tree.write("src/dag/internal/parts.h", "#pragma once\n")
        self.tree.append("src/dag/dag.cc", '#include "dag/internal/parts.h"\n')
        self.assertEqual([], self.violations())
        self.tree.append("src/solve/solve.cc", '#include "dag/internal/parts.h"\n')
        self.expect("src/solve/solve.cc:5", "internal to dag")

    def test_a_test_may_use_the_modules_listed_for_tests_and_a_source_may_not(self):
        self.tree.module("json", ["base"], "\n  TESTS json_test.cc TEST_DEPS dag")
        self.tree.write("src/json/json_test.cc", '#include "dag/dag.h"\n#include <gtest/gtest.h>\n')
        self.assertEqual([], self.violations())
        self.tree.append("src/json/json.cc", '#include "dag/dag.h"\n')
        self.expect("src/json/json.cc:3", "DEPS lack dag")

    def test_a_library_is_included_by_its_wrapper_alone(self):
        self.tree.append("src/json/json.cc", "#include <nlohmann/json.hpp>\n#include <fmt/core.h>\n")
        self.assertEqual([], self.violations())
        self.tree.append("src/dag/dag.cc", "#include <vector>\n#include <nlohmann/json.hpp>\n")
        self.expect("src/dag/dag.cc:5", "belongs to json alone")

    def test_every_wrapped_library_is_guarded(self):
        for header, owner in [("yaml-cpp/yaml.h", "json"), ("re2/re2.h", "json"),
                              ("boost/asio.hpp", "net"), ("curl/curl.h", "net"),
                              ("sqlite3.h", "store"), ("CLI/CLI.hpp", "cli"),
                              ("spdlog/spdlog.h", "base"), ("openssl/sha.h", "base"),
                              ("libstemmer.h", "plan")]:
            with self.subTest(header=header):
                before = (self.tree.root / "src/solve/solve.cc").read_text(encoding="utf-8")
                self.tree.append("src/solve/solve.cc", f"#include <{header}>\n")
                self.expect(f"<{header}>", f"belongs to {owner} alone")
                self.tree.write("src/solve/solve.cc", before)

    def test_a_library_that_nobody_decided_on_is_found(self):
        self.tree.append("src/cli/cli.cc", "#include <sys/stat.h>\n#include <absl/status.h>\n")
        self.expect("<absl/status.h>", "of no library")

    def test_test_libraries_stay_in_tests(self):
        self.tree.append("src/cli/cli.cc", "#include <gtest/gtest.h>\n")
        self.expect("src/cli/cli.cc:6", "is for tests")

    def test_the_sides_of_the_waist_do_not_see_each_other(self):
        deps = {**DEPS, "execute": ["base", "dag", "solve"]}
        self.tree.module("execute", deps["execute"])
        self.tree.table(deps)
        self.expect("execute (runs) must not use solve (makes)")

    def test_nothing_below_the_waist_sees_what_is_above(self):
        deps = {**DEPS, "json": ["base", "dag"]}
        self.tree.module("json", deps["json"])
        self.tree.table(deps)
        self.expect("json (below) must not use dag (waist)")

    def test_the_table_and_the_build_must_agree(self):
        self.tree.table({**DEPS, "solve": ["base", "dag"]})
        self.expect("solve may use base dag", "DEPS base json dag")

    def test_a_module_missing_from_the_table_is_found_and_so_is_one_that_is_gone(self):
        rest = {name: deps for name, deps in DEPS.items() if name != "cli"}
        self.tree.table({**rest, "waiter": ["base"]}, {**SIDES, "waiter": "edge"})
        found = "\n".join(self.violations())
        self.assertIn("module 'cli' is missing", found)
        self.assertIn("there is no module 'waiter'", found)

    def test_the_table_is_in_the_order_of_declaration(self):
        names = [name for name in DEPS if name != "base"] + ["base"]
        self.tree.write("CMakeLists.txt", "".join(f"add_subdirectory(src/{n})\n" for n in names))
        self.expect("not in the order")

    def test_an_unknown_side_is_found(self):
        self.tree.table(DEPS, {**SIDES, "cli": "left"})
        self.expect("side 'left' is none of")

    def test_a_source_that_is_not_built_is_found(self):
        self.tree.write("src/dag/order.cc", "")
        self.expect("src/dag/order.cc", "is not built")

    def test_a_module_explains_itself(self):
        (self.tree.root / "src/dag/README.md").unlink()
        self.expect("src/dag", "no README.md")

    def test_files_have_a_length_limit(self):
        self.tree.write("src/dag/dag.h", "//\n" * 250)
        self.tree.append("src/dag/dag.cc", "//\n" * 700)
        self.assertEqual([], self.violations())
        self.tree.append("src/dag/dag.h", "//\n")
        self.expect("src/dag/dag.h: 251 lines")

    def test_paths_of_a_machine_are_found(self):
        self.tree.append("src/dag/README.md", f"see {self.tree.root}/src\n")
        self.expect("src/dag/README.md:2", "somebody's machine")
        self.tree.write("src/dag/README.md", "see /ho" + "me/anna/notes\n")
        self.expect("src/dag/README.md:1", "somebody's machine")
        self.tree.write("src/dag/README.md", "GET https://example.org/ho" + "me/page, ~/notes\n")
        self.assertEqual([], self.violations())

    def test_notes_for_later_are_found(self):
        self.tree.append("src/dag/dag.cc", "// TO" + "DO: order\n")
        self.expect("src/dag/dag.cc:4", "something later")

    def test_bytes_that_are_no_text_are_passed_over(self):
        (self.tree.root / "picture.png").write_bytes(b"\x89PNG\xff\xfe\n")
        self.assertEqual([], self.violations())


if __name__ == "__main__":
    unittest.main()
