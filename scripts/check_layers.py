#!/usr/bin/python3
"""Checks that the source keeps the structure that ARCHITECTURE.md states.

    python3 scripts/check_layers.py [ROOT]

Prints every violation with its file and line, and fails when there is one. The rules:

- The table of modules in ARCHITECTURE.md, the DEPS of each src/<module>/CMakeLists.txt and the
  order of the top CMakeLists.txt agree.
- A file includes only modules that its module depends on, and nobody else's internal/ headers.
- Nothing that makes workflows sees anything that runs them, nor the reverse.
- A third-party library is included only by the module that wraps it.
- Every source is built, every module has a README.md, no file is too long.
- No tracked file holds a path of somebody's machine or a note to do something later.
"""
import os
import pathlib
import re
import subprocess
import sys

# Header prefix -> modules that may include it. None: everybody.
THIRD_PARTY = {
    "nlohmann/": {"json"}, "yaml-cpp/": {"json"}, "re2/": {"json"},
    "boost/": {"net"}, "curl/": {"net"},
    "sqlite3.h": {"store"},
    "expat.h": {"objects"},
    "CLI/": {"cli"},
    "spdlog/": {"base"}, "openssl/": {"base"},
    "libstemmer.h": {"plan"}, "seccomp.h": {"faas"},
    "archive.h": {"repository"}, "archive_entry.h": {"repository"},
    "fmt/": None,
}
TEST_LIBRARIES = ("gtest/", "gmock/")  # only in tests
BENCH_LIBRARIES = ("benchmark/",)      # only in benchmarks
SYSTEM_FOLDERS = ("sys/", "linux/", "net/", "netinet/", "arpa/", "asm/")

SIDES = ("below", "waist", "makes", "runs", "edge")
MAX_LINES = {".h": 250, ".cc": 800, ".py": 800, ".sh": 400}
TABLE_HEADING = "## The modules"

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
TEST_FILE = re.compile(r"(?:^|_)test(?:_|$)")  # x_test.cc, and test_x.h that several of them share
KEYWORDS = {"DEPS", "LIBS", "LIBS_PUBLIC", "SOURCES", "TESTS", "TEST_DEPS", "FUZZ", "TEST_LABEL"}
LATER = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME)\b")  # in two parts, so that this line passes
# Home folders; those of nobody in particular (me, you, user, x) are examples and may stay.
HOME_FOLDERS = re.compile(
    r"(?<![\w.:~-])/(?:home/(?!(?:me|you|user|x)/)[a-z]|root/|Users/[A-Za-z])")


class Module:
    """What one ae_module() call declares."""

    def __init__(self, name, arguments):
        self.name = name
        self.lists = {keyword: [] for keyword in KEYWORDS}
        current = None
        for argument in arguments:
            if argument in KEYWORDS:
                current = argument
            elif current:
                self.lists[current].append(argument)
        self.deps = self.lists["DEPS"]


def read_modules(root):
    """Maps each module's name to its Module, from the CMakeLists.txt files."""
    modules = {}
    for path in sorted((root / "src").glob("*/CMakeLists.txt")):
        text = re.sub(r"#[^\n]*", "", path.read_text(encoding="utf-8"))
        for call in re.finditer(r"\bae_module\(([^)]*)\)", text):
            name, *arguments = call.group(1).split()
            modules[name] = Module(name, arguments)
    return modules


def read_table(root):
    """The rows of the table in ARCHITECTURE.md: [(line, name, side, deps)], in order."""
    rows, inside = [], False
    path = root / "ARCHITECTURE.md"
    if not path.is_file():
        return rows
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("## "):
            inside = line.strip() == TABLE_HEADING
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if inside and len(cells) == 4 and re.fullmatch(r"`[a-z_]+`", cells[0]):
            deps = re.findall(r"[a-z_]+", cells[3])
            rows.append((number, cells[0].strip("`"), cells[1], deps))
    return rows


def check_table(root, modules):
    """The table, the DEPS and the order of declaration agree; the waist is not crossed."""
    rows = read_table(root)
    where = "ARCHITECTURE.md"
    if not rows:
        yield f"{where}: no table of modules below '{TABLE_HEADING}'"
        return
    sides = {name: side for _, name, side, _ in rows}
    for number, name, side, deps in rows:
        if side not in SIDES:
            yield f"{where}:{number}: {name}: side '{side}' is none of {', '.join(SIDES)}"
        if name not in modules:
            yield f"{where}:{number}: there is no module '{name}' in src/"
        elif set(deps) != set(modules[name].deps):
            yield (f"{where}:{number}: {name} may use {' '.join(deps) or 'nothing'}, but its "
                   f"CMakeLists.txt says DEPS {' '.join(modules[name].deps) or '(none)'}")
    for name in sorted(set(modules) - set(sides)):
        yield f"{where}: module '{name}' is missing from the table"

    text = (root / "CMakeLists.txt").read_text(encoding="utf-8")
    declared = re.findall(r"^add_subdirectory\(src/(\w+)\)", text, re.MULTILINE)
    if declared != [name for _, name, _, _ in rows]:
        yield f"{where}: the table is not in the order of CMakeLists.txt: {' '.join(declared)}"

    forbidden = {"makes": {"runs", "edge"}, "runs": {"makes", "edge"},
                 "waist": {"makes", "runs", "edge"}, "below": {"waist", "makes", "runs", "edge"}}
    for name, module in modules.items():
        for dep in module.deps:
            if sides.get(dep) in forbidden.get(sides.get(name), ()):
                yield (f"src/{name}/CMakeLists.txt: {name} ({sides[name]}) must not use {dep} "
                       f"({sides[dep]}): the two sides of the waist know only dag")


def includes(path):
    """(line, header, quoted) of every #include, comments and raw strings aside."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1) or found.group(2), found.group(1) is not None


def check_includes(root, modules):
    """Files of src/ include what their module may use."""
    for path in sorted((root / "src").rglob("*")):
        if path.suffix not in (".h", ".cc"):
            continue
        place = path.relative_to(root)
        module = modules.get(place.parts[1])
        if module is None:
            yield f"{place}: is in no module: src/{place.parts[1]}/CMakeLists.txt declares none"
            continue
        allowed = {module.name, *module.deps}
        if TEST_FILE.search(path.stem) or path.stem.endswith(("_fuzz", "_bench")):
            allowed.update(module.lists["TEST_DEPS"])
        for line, header, quoted in includes(path):
            where = f"{place}:{line}"
            if quoted:
                yield from check_own_header(where, header, module, modules, allowed)
            else:
                yield from check_library_header(where, header, module, path.stem)


def check_own_header(where, header, module, modules, allowed):
    owner, _, rest = header.partition("/")
    if owner not in modules:
        yield (f'{where}: "{header}" names no module: write the path from src/, and libraries '
               "with <>")
    elif owner not in allowed:
        yield f"{where}: {module.name} includes {header}, but its DEPS lack {owner}"
    elif rest.startswith("internal/") and owner != module.name:
        yield f"{where}: {header} is internal to {owner}"


def check_library_header(where, header, module, stem):
    for prefix, owners in THIRD_PARTY.items():
        if header == prefix or (prefix.endswith("/") and header.startswith(prefix)):
            if owners is not None and module.name not in owners:
                yield f"{where}: <{header}> belongs to {', '.join(sorted(owners))} alone"
            return
    if header.startswith(TEST_LIBRARIES):
        if not TEST_FILE.search(stem):
            yield f"{where}: <{header}> is for tests"
    elif header.startswith(BENCH_LIBRARIES):
        if not stem.endswith("_bench"):
            yield f"{where}: <{header}> is for benchmarks"
    elif "/" in header and not header.startswith(SYSTEM_FOLDERS):
        yield f"{where}: <{header}> is of no library that scripts/check_layers.py knows"


def listed_files(folder):
    """The words of a module's CMakeLists.txt files; those of its folders as paths from the module."""
    for path in folder.rglob("CMakeLists.txt"):
        words = re.sub(r"#[^\n]*", "", path.read_text(encoding="utf-8"))
        place = path.parent.relative_to(folder)
        for word in words.replace(")", " ").replace("(", " ").split():
            yield (place / word).as_posix()


def check_built(root, modules):
    """Every source is listed in its module's CMakeLists.txt, and every module is explained."""
    for name in sorted(modules):
        folder = root / "src" / name
        listed = set(listed_files(folder))
        for path in sorted(folder.rglob("*.cc")):
            inside = path.relative_to(folder).as_posix()
            if inside not in listed:
                yield f"src/{name}/{inside}: is not built: src/{name}/CMakeLists.txt lacks it"
        if not (folder / "README.md").is_file():
            yield f"src/{name}: has no README.md"


def tracked_files(root):
    """What git tracks; without git every file outside build/ and hidden folders."""
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True)
    if listed.returncode == 0 and listed.stdout:
        names = listed.stdout.decode().split("\0")
        return [root / name for name in names if name and (root / name).is_file()]
    return [path for path in sorted(root.rglob("*"))
            if path.is_file() and path.relative_to(root).parts[0] not in ("build", ".git")]


def machine_paths(root):
    """Folders of this machine that have no business in a tracked file."""
    shared = {"/", "/tmp", "/usr", "/opt", "/srv", "/var", "/home", "/mnt", "/src"}
    folders = {str(root), str(root.parent), os.path.expanduser("~")}
    return [re.compile(re.escape(folder) + r"(?![\w.-])") for folder in sorted(folders - shared)]


def check_text(root):
    """Lengths, machine paths and notes for later, in all tracked text."""
    machine = machine_paths(root)
    for path in tracked_files(root):
        place = path.relative_to(root)
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # an input of a fuzzer, a picture
        is_test_header = path.suffix == ".h" and TEST_FILE.search(path.stem)
        limit = MAX_LINES.get(".cc" if is_test_header else path.suffix)
        if limit and len(lines) > limit:
            yield f"{place}: {len(lines)} lines, more than {limit}: split it"
        if place.parts[:2] == ("tests", "corpora"):
            continue  # bytes that somebody or something sent
        for number, line in enumerate(lines, 1):
            if HOME_FOLDERS.search(line) or any(pattern.search(line) for pattern in machine):
                yield f"{place}:{number}: a path of somebody's machine"
            if LATER.search(line):
                yield f"{place}:{number}: a note to do something later: do it, or open an issue"


def check(root):
    """All violations below root, as lines of text."""
    root = pathlib.Path(root).resolve()
    modules = read_modules(root)
    return [violation
            for rule in (check_table(root, modules), check_includes(root, modules),
                         check_built(root, modules), check_text(root))
            for violation in rule]


def main(arguments):
    root = arguments[0] if arguments else pathlib.Path(__file__).resolve().parents[1]
    violations = check(root)
    for violation in violations:
        print(violation)
    print(f"{len(violations)} violations" if violations else "the layers hold")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
