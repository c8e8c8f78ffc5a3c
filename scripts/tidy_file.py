#!/usr/bin/python3
"""Runs clang-tidy over one source, unless it was clean before with the same text and checks.

    scripts/tidy_file.py TIDY BUILD_FOLDER OUTPUT_FOLDER FILE

Prints "ok FILE" or "bad FILE"; the findings go to a file of OUTPUT_FOLDER. What was clean is remembered
by the hash of the preprocessed source, the checks and clang-tidy's version, outside the tree, so that a
fresh clone profits too. Preprocessing takes half a second, the checks ten.
"""
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys


def preprocessed(build, source):
    """The text that the checks see, without line markers: they hold the checkout's path."""
    commands = json.loads((build / "compile_commands.json").read_text())
    entry = next((one for one in commands if one["file"] == str(source)), None)
    if entry is None:
        return None
    arguments = [one for one in shlex.split(entry["command"]) if not one.endswith("/ccache")]
    keep, skip = [], False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in ("-o", "-MT", "-MF"):
            skip = True
        elif argument not in ("-c", "-MD"):
            keep.append(argument)
    done = subprocess.run(keep + ["-E", "-P"], cwd=entry["directory"], capture_output=True)
    return done.stdout if done.returncode == 0 else None


def main():
    tidy, build, output, name = sys.argv[1:]
    root = pathlib.Path(__file__).resolve().parent.parent
    build = (root / build).resolve()
    source = (root / name).resolve()
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    cache = cache / "action-engine" / "tidy"
    text = preprocessed(build, source)
    clean = None
    if text is not None:
        version = subprocess.run([tidy, "--version"], capture_output=True).stdout
        # A comment may silence a check, and preprocessing drops comments.
        parts = (version, (root / ".clang-tidy").read_bytes(), source.read_bytes(), text)
        digest = hashlib.sha256(b"".join(hashlib.sha256(one).digest() for one in parts))
        clean = cache / digest.hexdigest()
    if clean is not None and clean.exists():
        os.utime(clean)
        print("ok", name)
        return
    done = subprocess.run([tidy, "--quiet", "-p", str(build), str(source)], cwd=root,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    pathlib.Path(output, name.replace("/", "_")).write_bytes(done.stdout)
    if done.returncode == 0 and clean is not None:
        cache.mkdir(parents=True, exist_ok=True)
        clean.touch()
    print("ok" if done.returncode == 0 else "bad", name)


if __name__ == "__main__":
    main()
