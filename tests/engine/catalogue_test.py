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
CALL = re.compile(r'(?<![.\w])(?:m_?|text)(?:\.format)?\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)')
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
    # Questions of the interview and names of criteria are translated where they are printed, so are the words that facts and
    # scenarios share; of these those that are names stay as they are.
    scenario = (ROOT / "ecotone/engine/scenario.cpp").read_text(encoding="utf-8")
    used |= {ast.literal_eval(q) for q in re.findall(r'"[^"]*\?"', scenario)}
    used |= set(re.findall(r'"(\w+)"', re.search(r"names = \{(.*?)\};", scenario, re.S)[1]))
    matrix = (ROOT / "ecotone/engine/matrix.cpp").read_text(encoding="utf-8")
    used |= set(re.findall(r'"([^"]+)"', re.search(r"kNames\[\] = \{(.*?)\};", matrix, re.S)[1]))
    optional = set(re.findall(r'\{"[\w-]+", "([^"]+)"\}', (ROOT / "ecotone/engine/facts.cpp").read_text(encoding="utf-8")))
    formats = tomllib.loads((ROOT / "data/facts/formats.toml").read_text(encoding="utf-8"))
    optional |= {f["name"] for f in formats["format"]}
    # What we wrote of engines; a maker that is a name stays one.
    engines = tomllib.loads((ROOT / "python/ecotone_workers/engines.toml").read_text(encoding="utf-8"))["engine"]
    for engine in engines:
        used |= {engine["from_onnx"], *engine.get("lacks", [])}
        optional.add(engine["maker"])
    catalogue = tomllib.loads((ROOT / "data/messages/zh.toml").read_text(encoding="utf-8"))
    check("there are texts", len(used) > 15)
    for text in sorted(used):
        check(f"translation of {text!r}", text in catalogue, "missing in data/messages/zh.toml")
    for text, chinese in catalogue.items():
        check(f"use of {text!r}", text in used | optional, "no source prints it")
        check(f"fields of {text!r}", fields(text) == fields(chinese), chinese)
        check(f"punctuation of {text!r}", not re.search(r"[\u4e00-\u9fff][,:;()]|[,;()][\u4e00-\u9fff]", chinese), chinese)
    print(f"{COUNTS[True]} passed, {COUNTS[False]} failed")
    return 1 if COUNTS[False] else 0


if __name__ == "__main__":
    sys.exit(main())
