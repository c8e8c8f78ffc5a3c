#!/usr/bin/python3
"""Makes a consistently renamed copy of function packs and of the sentences about them.

    rename.py PACKS_DIR SENTENCES.json OUT_DIR --seed N

Writes OUT_DIR/functions, OUT_DIR/sentences.json and OUT_DIR/renaming.json (what became what). An
engine that hard-codes nothing answers the copy as it answers the original, but for the names. What
is renamed, and how the data are found, is in README.md beside this file. Exit status: 0, or 1 when
the packs cannot be renamed safely or the copy does not pass its own checks.
"""
import argparse
import ast
import io
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tokenize

import yaml

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parents[1] / "functions"))

import packs_test  # noqa: E402  (needs the path above)

# Tables of handlers whose strings are no data but natural language, which a handler computes on.
PROSE_TABLES = {"STOP_WORDS", "CONTENTS"}
EMAIL = r"[\w.+-]+@[\w.-]+"
# What keeps its spelling: e-mail addresses, and all that has no letters (dates, phones, numbers).
UNTOUCHED = re.compile(rf"{EMAIL}|[^A-Za-z]*")
NUMBERED_ID = re.compile(r"([A-Z]{2,})-[0-9]+")


class RenamingError(Exception):
    """The packs contain something that cannot be renamed safely; the message says where."""


class WordMaker:
    """Pronounceable words without meaning, none of them used in the packs, no two alike."""

    def __init__(self, seed, vocabulary):
        self.random = random.Random(seed)
        self.taken = {word.casefold() for word in vocabulary}
        self.beginnings = set()

    def word(self):
        onsets, vowels = "bdfghjklmnprtvz", "aeiou"
        # The last letter is one that no stemmer takes for the end of an English suffix.
        letters = (onsets, vowels, "lnr", onsets, "aiou", "kmp")
        while True:
            word = "".join(self.random.choice(choice) for choice in letters)
            if word not in self.taken and word[:4] not in self.beginnings:
                self.taken.add(word)
                self.beginnings.add(word[:4])
                return word

    def code(self, length):
        while True:
            code = "".join(self.random.choice("BDFGKLMNPRTVZ") for _ in range(length))
            if code.casefold() not in self.taken:
                self.taken.add(code.casefold())
                return code

    def like(self, datum):
        """Replaces each run of letters by another of the same case: Anna by Zelda, ORD by KVT."""
        def replace(match):
            run = match.group()
            if run.isupper() and len(run) > 1:
                return self.code(len(run))
            word = self.word()
            return word.capitalize() if run[0].isupper() else word
        return re.sub(r"[^\W\d_]+", replace, datum)


def strings_in(node):
    """The string constants of a literal: of dicts, lists, tuples and sets, not of calls in them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Dict):
        for part in node.keys + node.values:
            yield from strings_in(part)
    elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        for part in node.elts:
            yield from strings_in(part)


def table_strings(source):
    """Strings of a handler's module-level tables: constants in capitals, by convention."""
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign):
            names = {target.id for target in statement.targets if isinstance(target, ast.Name)}
            if all(name.isupper() for name in names) and not names & PROSE_TABLES:
                yield from strings_in(statement.value)


def schema_strings(schema):
    for _, inner in packs_test.fields(schema):
        for value in inner.get("enum", []) + inner.get("examples", []) + [inner.get("default")]:
            if isinstance(value, str):
                yield value


def find_data(packs, sentences):
    """Every datum that the packs and the sentences know, in a stable order."""
    found = []
    for folder, spec in packs.items():
        found += table_strings((folder / "lambda_function.py").read_text(encoding="utf-8"))
        found += schema_strings(spec["input"])
        found += schema_strings(spec["output"])
    for sentence in sentences:
        found += [v for v in sentence["expect"]["inputs"].values() if isinstance(v, str)]
    data = {}
    for text in found:
        numbered = NUMBERED_ID.fullmatch(text)
        if numbered:
            data[numbered.group(1)] = None  # the prefix, which the id's pattern repeats
        elif not UNTOUCHED.fullmatch(text):
            data[text] = None
    return list(data)


class Renaming:
    """The maps: identifiers (functions and fields, equal names to equal names) and data."""

    def __init__(self, packs, sentences, seed):
        self.functions = {spec["name"] for spec in packs.values()}
        fields = [
            name for spec in packs.values() for side in ("input", "output")
            for name, _ in packs_test.fields(spec[side])
        ]
        names = list(dict.fromkeys(sorted(self.functions) + fields))
        corpus = json.dumps([list(packs.values()), sentences])
        corpus += "".join(
            (folder / "lambda_function.py").read_text(encoding="utf-8") for folder in packs)
        maker = WordMaker(seed, re.findall(r"[^\W\d_]+", corpus))
        self.identifiers = {name: maker.word() for name in names}
        self.data = {datum: maker.like(datum) for datum in find_data(packs, sentences)}
        self.spellings = self.all_spellings()
        longest_first = sorted(self.spellings, key=lambda s: (-len(s), s))
        self.pattern = re.compile(
            rf"{EMAIL}|(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")

    def all_spellings(self):
        """The data as listed, and in the other cases in which people type them."""
        spellings = {}
        for change in (str.lower, str.upper, str.capitalize):
            for datum, new in self.data.items():
                spellings[change(datum)] = change(new)
        spellings.update(self.data)
        return spellings

    def text(self, text):
        """Replaces the data that occur in a text as whole words, the longest first."""
        return self.pattern.sub(lambda m: self.spellings.get(m.group(), m.group()), text)

    def key(self, key):
        """A parameter, a field, or either of them after a node id: current_weather_2_city."""
        if key in self.identifiers:
            return self.identifiers[key]
        for function in sorted(self.functions, key=len, reverse=True):
            match = re.fullmatch(rf"{re.escape(function)}(_\d+)?_(.+)", key)
            if match and match.group(2) in self.identifiers:
                number, field = match.group(1) or "", self.identifiers[match.group(2)]
                return f"{self.identifiers[function]}{number}_{field}"
        return None

    def value(self, value):
        """A JSON value: names of fields in objects, data in strings."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            # A key that no schema declares belongs to an example of bad input.
            return {self.key(key) or key: self.value(item) for key, item in value.items()}
        return value

    def schema(self, schema):
        out = dict(schema)
        for keyword in ("description", "enum", "examples", "default", "pattern"):
            if keyword in out:
                out[keyword] = self.value(out[keyword])
        if "properties" in out:
            out["properties"] = {
                self.identifiers[name]: self.schema(inner)
                for name, inner in out["properties"].items()
            }
            out["required"] = [self.identifiers[name] for name in out["required"]]
        if "items" in out:
            out["items"] = self.schema(out["items"])
        return out

    def sidecar(self, spec):
        out = dict(spec)
        out["name"] = self.identifiers[spec["name"]]
        out["description"] = self.text(spec["description"])
        out["input"], out["output"] = self.schema(spec["input"]), self.schema(spec["output"])
        out["examples"] = [
            {k: v if k == "error" else self.value(v) for k, v in example.items()}
            for example in spec["examples"]
        ]
        if "environment" in spec:
            out["environment"] = {k: self.value(v) for k, v in spec["environment"].items()}
        return out

    def handler(self, source, spec, where):
        """Renames field names and data in the strings (and comments) of a handler, nothing else."""
        own = {name for side in ("input", "output") for name, _ in packs_test.fields(spec[side])}
        check_formatted_strings(source, own, where)
        starts = [0]
        for line in source.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        literal = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", None)}
        out, done = [], 0
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type not in literal:
                continue
            begin = starts[token.start[0] - 1] + token.start[1]
            end = starts[token.end[0] - 1] + token.end[1]
            name = token.string[1:-1]
            is_field = token.type == tokenize.STRING and name in own
            new = f'"{self.identifiers[name]}"' if is_field else self.text(token.string)
            out += [source[done:begin], new]
            done = end
        out.append(source[done:])
        result = "".join(out)
        if expressions(source) != expressions(result):
            raise RenamingError(f"{where}: a datum is also the name of a variable in an f-string")
        return result

    def sentence(self, sentence):
        expect = sentence["expect"]
        out = dict(expect)
        out["functions"] = [self.identifiers[name] for name in expect["functions"]]
        out["edges"] = [
            [".".join(self.identifiers[part] for part in end.split(".")) for end in edge]
            for edge in expect["edges"]
        ]
        for listing in ("required", "needs"):
            out[listing] = [self.expected_key(name, sentence) for name in expect[listing]]
        for mapping in ("inputs", "defaults", "result"):
            if mapping in expect:
                out[mapping] = {
                    self.expected_key(name, sentence): self.value(value)
                    for name, value in expect[mapping].items()
                }
        return {**sentence, "query": self.text(sentence["query"]), "expect": out}

    def expected_key(self, key, sentence):
        new = self.key(key)
        if new is None:
            raise RenamingError(f"sentence {sentence['id']}: no function declares {key!r}")
        return new


def expressions(source):
    """The expressions inside f-strings, in a form to compare."""
    return [
        ast.dump(node.value)
        for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FormattedValue)
    ]


def check_formatted_strings(source, own, where):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FormattedValue):
            for inner in ast.walk(node.value):
                if isinstance(inner, ast.Constant) and inner.value in own:
                    raise RenamingError(
                        f"{where}:{node.lineno}: {inner.value!r} is looked up inside an f-string; "
                        "assign it to a variable first")


def check_nothing_is_left(renaming, sentences, renamed):
    """The maps are injective, and no datum of a sentence survived."""
    for mapping in (renaming.identifiers, renaming.data):
        if len({new.casefold() for new in mapping.values()}) != len(mapping):
            raise RenamingError("two names became one")
    for before, after in zip(sentences, renamed):
        for value, new in zip(before["expect"]["inputs"].values(),
                              after["expect"]["inputs"].values()):
            if isinstance(value, str) and not UNTOUCHED.fullmatch(value) and value == new:
                raise RenamingError(f"sentence {before['id']}: {value!r} was not renamed")
        survivors = [m for m in renaming.pattern.findall(after["query"]) if m in renaming.spellings]
        if survivors:
            raise RenamingError(f"sentence {before['id']}: {survivors} survived")


def write_copy(renaming, packs, sentences, out_dir):
    for folder, spec in packs.items():
        target = out_dir / "functions" / folder.parent.name / renaming.identifiers[spec["name"]]
        target.mkdir(parents=True)
        for path in folder.iterdir():
            if path.is_file() and path.name not in ("function.yaml", "lambda_function.py"):
                shutil.copy(path, target)
        source = (folder / "lambda_function.py").read_text(encoding="utf-8")
        (target / "lambda_function.py").write_text(
            renaming.handler(source, spec, folder / "lambda_function.py"), encoding="utf-8")
        (target / "function.yaml").write_text(
            yaml.safe_dump(renaming.sidecar(spec), sort_keys=False, allow_unicode=True, width=110),
            encoding="utf-8")
    maps = {"identifiers": renaming.identifiers, "data": renaming.data}
    for name, content in (("sentences.json", sentences), ("renaming.json", maps)):
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (out_dir / name).write_text(text, encoding="utf-8")


def verify_copy(out_dir):
    """Runs every sidecar example and every expected workflow of the copy."""
    functions, sentences = out_dir / "functions", out_dir / "sentences.json"
    for command in ([pathlib.Path(packs_test.__file__), functions],
                    [HERE / "sentences_test.py", functions, sentences]):
        done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
        if done.returncode != 0:
            raise RenamingError(f"the copy fails {command[0].name}:\n{done.stderr}")


def packs_in_use(packs, sentences):
    """The packs with a function that some expected workflow calls. Other packs stay out of the
    copy: their data may be names that the world gives, such as time zones and image formats."""
    called = {name for sentence in sentences for name in sentence["expect"]["functions"]}
    used = {folder.parent for folder, spec in packs.items() if spec["name"] in called}
    return {folder: spec for folder, spec in packs.items() if folder.parent in used}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("packs_dir", type=pathlib.Path)
    parser.add_argument("sentences", type=pathlib.Path)
    parser.add_argument("out_dir", type=pathlib.Path, help="absent or empty")
    parser.add_argument("--seed", type=int, required=True, help="same seed, same names")
    arguments = parser.parse_args()
    if arguments.out_dir.exists() and any(arguments.out_dir.iterdir()):
        parser.error(f"{arguments.out_dir} is not empty")
    packs = packs_test.load_packs(arguments.packs_dir)
    if not packs:
        parser.error(f"{arguments.packs_dir} holds no <pack>/<name>/function.yaml")
    sentences = json.loads(arguments.sentences.read_text(encoding="utf-8"))
    packs = packs_in_use(packs, sentences)
    try:
        renaming = Renaming(packs, sentences, arguments.seed)
        renamed = [renaming.sentence(sentence) for sentence in sentences]
        check_nothing_is_left(renaming, sentences, renamed)
        write_copy(renaming, packs, renamed, arguments.out_dir)
        verify_copy(arguments.out_dir)
    except RenamingError as error:
        sys.exit(f"rename.py: {error}")


if __name__ == "__main__":
    main()
