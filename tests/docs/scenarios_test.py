"""docs/scenarios: each page shows what eco choose answers to the scenario of its name, and is true today.

With --write the answers in the pages are renewed; the words around them are people's.
"""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs/scenarios"
ANSWER = re.compile(r"```text\n(.*?)```\n", re.S)
COUNTS = {True: 0, False: 0}


def check(name, good, why=""):
    COUNTS[bool(good)] += 1
    if not good:
        print(f"FAILED {name}: {why}")


def answer(eco, path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "ECOTONE_LANG"))}
    environment |= {"COLUMNS": "110", "NO_COLOR": "1"}
    done = subprocess.run([eco, "choose", "--scenario", path, "--lang", "en"], capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60)
    return done.returncode, done.stdout + done.stderr


def main():
    eco = os.environ.get("ECO", ROOT / "build/release/bin/eco")
    scenarios = sorted((ROOT / "data/scenarios").glob("*.toml"))
    check("there are scenarios", len(scenarios) >= 12)
    index = (PAGES / "README.md").read_text(encoding="utf-8")
    codes = []
    for path in scenarios:
        code, text = answer(eco, path)
        codes.append(code)
        check(f"{path.name}: exit code", code in (0, 1), text)
        page = PAGES / f"{path.stem}.md"
        if not page.exists():
            check(f"{path.name}: has a page", False)
            continue
        words = page.read_text(encoding="utf-8")
        if "--write" in sys.argv:
            words = ANSWER.sub(lambda _: f"```text\n{text}```\n", words)
            page.write_text(words, encoding="utf-8")
        shown = ANSWER.findall(words)
        check(f"{page.name}: its answer is today's", shown == [text], "run tests/docs/scenarios_test.py --write, and review what changed")
        check(f"{page.name}: links to its scenario", f"](../../data/scenarios/{path.name})" in words)
        # A page is reviewed: somebody wrote what to think of the answer, about this answer.
        check(f"{page.name}: has a review", len(ANSWER.sub("", words).split()) > 40)
        title = tomllib.loads(path.read_text(encoding="utf-8"))["title"]
        check(f"{page.name}: title", words.startswith(f"# {title}\n"))
        check(f"index: {path.stem}", f"]({path.stem}.md)" in index)
    check("no page too many", {p.stem for p in PAGES.glob("*.md")} - {"README"} == {p.stem for p in scenarios})
    check("answers and a conflict", 0 in codes and 1 in codes)
    print(f"{COUNTS[True]} passed, {COUNTS[False]} failed")
    return 1 if COUNTS[False] else 0


if __name__ == "__main__":
    sys.exit(main())
