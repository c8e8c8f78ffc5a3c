#!/usr/bin/python3
"""How many of the twenty later sentences are answered right: AE_PROGRAM=… sentences_more.py

Prints one line for each sentence and what was wrong with it. No test: see README.md.
"""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import engine_test  # noqa: E402
import harness  # noqa: E402


def main():
    sentences = json.loads((engine_test.HERE / "sentences_more.json").read_text(encoding="utf-8"))
    checks, right = engine_test.TwentySentences(), 0
    checks.maxDiff = None
    with harness.Home() as home:
        if home.ae("init").returncode != 0:
            return "the bundled functions cannot be registered"
        home.start()
        for sentence in sentences:
            _, plan, _ = home.call("POST", "/v1/plans", {"query": sentence["query"]})
            wrong = engine_test.differences(sentence["expect"], plan)
            if not wrong:
                try:
                    checks.check_sentence(home, sentence)
                except unittest.TestCase.failureException as failure:
                    wrong = [str(failure)]
            right += not wrong
            print("\n    ".join([f"{'wrong' if wrong else 'right'}  {sentence['id']}", *wrong]))
    print(f"{right} of {len(sentences)} right")
    return 0


if __name__ == "__main__":
    sys.exit(main())
