"""Runs the commands of the READMEs that stand after `<!-- runnable -->`, from the repository's root; each must exit 0."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"<!-- runnable -->\n```(?:sh|console)\n(.*?)```", re.S)


def main():
    path = os.pathsep.join([str(ROOT / "build/release/bin"), os.environ["PATH"]])
    failed, seen = [], []
    pair = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
    for file, other in (pair, pair[::-1]):
        text = file.read_text(encoding="utf-8")
        if f"]({other.name})" not in text.splitlines()[0]:
            failed.append(f"{file.name}: its first line does not link to {other.name}")
        for target in re.findall(r"\]\(([^):#]+)\)", text):
            if not (ROOT / target).exists():
                failed.append(f"{file.name}: no {target}")
        commands = BLOCK.findall(text)
        if not commands:
            failed.append(f"{file.name}: no runnable command")
        seen.append(commands)
        for command in commands:
            # The same commands stand in both, so that running them once is enough.
            if file == pair[0]:
                done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=ROOT, env=os.environ | {"PATH": path}, timeout=300)
                if done.returncode:
                    failed.append(f"{file.name}: exit {done.returncode}: {command}")
    if seen[0] != seen[1]:
        failed.append("the runnable commands of the two READMEs differ")
    print("\n".join(failed) or f"{len(seen[0])} commands ran")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
