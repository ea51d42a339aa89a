"""The catalogue of what eco prints: nothing missing, nothing unused, the same fields in both languages."""

import ast
import os
import re
import string
import sys
import tomllib
from pathlib import Path

ROOT = Path(os.environ["ECOTONE_SOURCE_DIR"])
# What stands in m("...") and m.format("...", also when it takes several literals; Messages objects are called so.
CALL = re.compile(r'\b(?:m|text)(?:\.format)?\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)')
LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"')
COUNTS = {True: 0, False: 0}


def check(name, good, why=""):
    COUNTS[bool(good)] += 1
    if not good:
        print(f"FAILED {name}: {why}")


def fields(text):
    """The format's fields as (position, specification), positions made explicit."""
    found = [(name, spec) for _, name, spec, _ in string.Formatter().parse(text) if name is not None]
    return sorted((int(name) if name else i, spec) for i, (name, spec) in enumerate(found))


def main():
    used = set()
    for folder in ("apps/eco", "ecotone/engine"):
        for path in sorted((ROOT / folder).glob("*.cpp")):
            for literals in CALL.findall(path.read_text(encoding="utf-8")):
                used.add("".join(ast.literal_eval(one) for one in LITERAL.findall(literals)))
    catalogue = tomllib.loads((ROOT / "data/messages/zh.toml").read_text(encoding="utf-8"))
    check("there are texts", len(used) > 15)
    for text in sorted(used):
        check(f"translation of {text!r}", text in catalogue, "missing in data/messages/zh.toml")
    for text, chinese in catalogue.items():
        check(f"use of {text!r}", text in used, "no source prints it")
        check(f"fields of {text!r}", fields(text) == fields(chinese), chinese)
        check(f"punctuation of {text!r}", not re.search(r"[\u4e00-\u9fff][,:;()]|[,;()][\u4e00-\u9fff]", chinese), chinese)
    print(f"{COUNTS[True]} passed, {COUNTS[False]} failed")
    return 1 if COUNTS[False] else 0


if __name__ == "__main__":
    sys.exit(main())
