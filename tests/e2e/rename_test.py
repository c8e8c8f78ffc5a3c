#!/usr/bin/python3
"""Tests rename.py: python3 tests/e2e/rename_test.py"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
FUNCTIONS = HERE.parents[1] / "functions"
sys.dont_write_bytecode = True
sys.path.insert(0, str(FUNCTIONS))

import packs_test  # noqa: E402  (needs the path above)


def rename(packs_dir, out_dir, seed):
    return subprocess.run(
        [sys.executable, HERE / "rename.py", packs_dir, HERE / "sentences.json", out_dir,
         "--seed", str(seed)],
        capture_output=True, text=True)


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


class Renaming(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="ae-rename-test-")
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)

    def copy(self, name, seed):
        done = rename(FUNCTIONS, self.scratch / name, seed)
        self.assertEqual(0, done.returncode, done.stderr)
        return self.scratch / name

    def altered_packs(self, function, old, new):
        """A copy of the packs in which one handler has been edited."""
        packs = self.scratch / "altered"
        shutil.copytree(FUNCTIONS, packs)
        path = packs / function / "lambda_function.py"
        source = path.read_text(encoding="utf-8")
        self.assertIn(old, source)
        path.write_text(source.replace(old, new), encoding="utf-8")
        return packs

    def test_the_same_seed_gives_the_same_copy_and_another_seed_another(self):
        first, again, other = self.copy("a", 1), self.copy("b", 1), self.copy("c", 2)
        self.assertEqual(files(first), files(again))
        self.assertNotEqual(files(first).keys(), files(other).keys())

    def test_no_function_field_or_datum_keeps_its_name(self):
        copy = self.copy("a", 3)
        maps = json.loads((copy / "renaming.json").read_text(encoding="utf-8"))
        renamed = packs_test.load_packs(copy / "functions")
        for spec in renamed.values():
            self.assertNotIn(spec["name"], maps["identifiers"])
            for side in ("input", "output"):
                for name, _ in packs_test.fields(spec[side]):
                    self.assertNotIn(name, maps["identifiers"])
        datum = re.compile(r"(?<![\w.@])(%s)(?![\w.@])" % "|".join(map(re.escape, maps["data"])))
        copied = json.dumps(list(renamed.values())) + (copy / "sentences.json").read_text("utf-8")
        self.assertEqual([], datum.findall(copied))

    def test_data_are_renamed_in_queries_and_results_alike(self):
        copy = self.copy("a", 4)
        maps = json.loads((copy / "renaming.json").read_text(encoding="utf-8"))
        demo = json.loads((copy / "sentences.json").read_text(encoding="utf-8"))[0]
        field = maps["identifiers"]
        self.assertTrue(demo["query"].endswith(f"This is {maps['data']['Anna']}."))
        self.assertEqual({field["username"]: maps["data"]["Anna"]}, demo["expect"]["inputs"])
        self.assertEqual({field["message"]: f"Now playing: {maps['data']['Happy Tune']}"},
                         demo["expect"]["result"])

    def test_node_ids_are_renamed_within_keys(self):
        copy = self.copy("a", 5)
        names = json.loads((copy / "renaming.json").read_text(encoding="utf-8"))["identifiers"]
        sentences = json.loads((copy / "sentences.json").read_text(encoding="utf-8"))
        expect = next(s for s in sentences if s["id"] == "two-cities")["expect"]
        self.assertIn(f"{names['geocode_city']}_2_{names['city']}", expect["inputs"])
        self.assertIn(f"{names['current_weather']}_2_{names['temperature']}", expect["result"])

    def test_a_field_looked_up_inside_an_f_string_is_refused_with_its_place(self):
        packs = self.altered_packs(
            "music/playmusic", 'f"Now playing: {song_title}"',
            """f"Now playing: {event['song_title']}\"""")
        done = rename(packs, self.scratch / "out", 1)
        self.assertEqual(1, done.returncode)
        self.assertRegex(done.stderr, r"playmusic/lambda_function\.py:\d+: 'song_title'")

    def test_a_copy_that_no_longer_works_is_reported(self):
        # The name of the field is put together where no renaming can see it.
        packs = self.altered_packs("music/getusermood", 'event["user_id"]', 'event["user" + "_id"]')
        done = rename(packs, self.scratch / "out", 1)
        self.assertEqual(1, done.returncode)
        self.assertIn("the copy fails packs_test.py", done.stderr)

    def test_a_folder_with_something_in_it_is_not_written_to(self):
        (self.scratch / "keep.txt").write_text("mine")
        done = rename(FUNCTIONS, self.scratch, 1)
        self.assertEqual(2, done.returncode)
        self.assertEqual(["keep.txt"], [p.name for p in self.scratch.iterdir()])


if __name__ == "__main__":
    unittest.main()
