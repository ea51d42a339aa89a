"""Runs the commands of the READMEs and of docs/ that stand after `<!-- runnable -->`, from the repository's root; each must exit 0. Guides with a Chinese
twin have the same commands there, which run in Chinese too."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"<!-- runnable -->\n```(?:sh|console)\n(.*?)```", re.S)


def main():
    records = tempfile.TemporaryDirectory()  # what runs here is no proof on the user's machine
    path = os.pathsep.join([str(ROOT / "build/release/bin"), os.environ["PATH"]])
    failed, ran = [], 0

    def run(name, command, language="en"):
        nonlocal ran
        ran += 1
        environment = os.environ | {"PATH": path, "ECOTONE_LANG": language, "ECOTONE_RAN": records.name}
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=ROOT, env=environment, timeout=300)
        if done.returncode:
            failed.append(f"{name} ({language}): exit {done.returncode}: {command}")

    pairs = [(ROOT / "README.md", ROOT / "README.zh-CN.md")]
    pairs += [(ROOT / "docs" / zh.name, zh) for zh in sorted((ROOT / "docs/zh").glob("*.md"))]
    for pair in pairs:
        seen = []
        for file, other in (pair, pair[::-1]):
            text = file.read_text(encoding="utf-8")
            link = os.path.relpath(other, file.parent)
            if f"]({link})" not in text.splitlines()[0]:
                failed.append(f"{file}: its first line does not link to {link}")
            for target in re.findall(r"\]\(([^):#]+)\)", text):
                if not (file.parent / target).exists():
                    failed.append(f"{file}: no {target}")
            commands = BLOCK.findall(text)
            if not commands:
                failed.append(f"{file}: no runnable command")
            seen.append(commands)
        if seen[0] != seen[1]:
            failed.append(f"the runnable commands of {pair[0].name} and its twin differ")
        for command in seen[0]:
            run(pair[0].name, command)
            if pair[0].parent.name == "docs":
                run(pair[1].name, command, "zh")
    for file in sorted((ROOT / "docs").glob("*.md")):
        if not (ROOT / "docs/zh" / file.name).exists():
            for command in BLOCK.findall(file.read_text(encoding="utf-8")):
                run(file.name, command)
    print("\n".join(failed) or f"{ran} commands ran")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
