"""`eco choose` and `eco doctor --matrix` as people meet them: answers, errors, languages, the interview, what an installation finds."""

import json
import os
import pty
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ECO = os.environ["ECO"]
ROOT = Path(os.environ["ECOTONE_SOURCE_DIR"])
SCENARIOS = ROOT / "data/scenarios"
LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG", "ECOTONE_LANG", "COLUMNS")
COUNTS = {True: 0, False: 0}


def check(name, good, why=""):
    COUNTS[bool(good)] += 1
    if not good:
        print(f"FAILED {name}: {why}")


def eco(*arguments, env=None, command=ECO, **keywords):
    environment = {k: v for k, v in os.environ.items() if k not in LOCALE} | (env or {})
    return subprocess.run([command, *map(str, arguments)], capture_output=True, text=True, timeout=120, env=environment, stdin=subprocess.DEVNULL, **keywords)


def answers(folder):
    done = eco("choose", "--scenario", SCENARIOS / "research.toml", "--json")
    out = json.loads(done.stdout)
    check("exit 0", done.returncode == 0 and out["schema_version"] == 1, done.stderr)
    best = out["plans"][0]
    check("JAX for research", best["title"] == "JAX" and best["parts"][0]["hardware"] in ("google-tpu", "nvidia-gpu"), best["title"])
    check("scores fall", all(a["score"] >= b["score"] for a, b in zip(out["plans"], out["plans"][1:])))
    for plan in out["plans"]:
        weight = sum(c["weight"] for c in plan["criteria"])
        mean = sum(c["weight"] * c["value"] for c in plan["criteria"]) / weight
        check(f"{plan['title']}: score is the weighted mean", abs(mean - plan["score"]) < 1e-12, (mean, plan["score"]))
        for reason in plan["reasons"]:
            sourced = reason["kind"] in ("measured", "cited")
            check(f"{plan['title']}: {reason['text']}", sourced == ("source" in reason) and (not sourced or reason["source"]["date"]), reason)
    kinds = {r["kind"] for r in json.loads(eco("choose", "--scenario", SCENARIOS / "cost-sensitive.toml", "--json").stdout)["plans"][0]["reasons"]}
    check("all kinds of reasons", kinds >= {"measured", "cited", "preference"} and kinds <= {"measured", "cited", "preference", "not measured"}, kinds)

    done = eco("choose", "--scenario", SCENARIOS / "conflict.toml", "--json")
    out = json.loads(done.stdout)
    check("a conflict: exit 1", done.returncode == 1 and out["plans"] == [] and len(out["conflict"]) == 2, done.stdout)
    check("a conflict: what to give up", {r["without"]["key"] for r in out["relaxations"]} == {"deploy.targets", "model.size_mb"}, out)
    text = eco("choose", "--scenario", SCENARIOS / "conflict.toml").stdout
    check("a conflict in words", "exclude each other" in text and "model.size_mb = 16000" in text, text)
    two = folder / "two.toml"
    two.write_text('task = "text"\n[deploy]\ntargets = ["browser", "cloud"]\n[model]\nsize_mb = 16000\n[limits]\nprivacy = "device"\n')
    out = json.loads(eco("choose", "--scenario", two, "--json").stdout)
    check("two conflicts", [len(c) for c in out["conflicts"]] == [2, 2] and out["give_up"] and all(len(g["without"]) == 2 for g in out["give_up"]), out)
    text = eco("choose", "--scenario", two).stdout
    check("two conflicts in words", "These do too:" in text and "limits.privacy = device" in text and "model.size_mb = 16000" in text, text)
    explained = eco("choose", "--scenario", SCENARIOS / "research.toml", "--explain").stdout
    check("--explain", "weighted mean" in explained and "familiarity" in explained)
    narrow = eco("choose", "--scenario", SCENARIOS / "research.toml", env={"COLUMNS": "60"}).stdout
    check("COLUMNS", max(map(len, narrow.splitlines())) <= 110 and len(narrow.splitlines()) > 25, max(map(len, narrow.splitlines())))


def errors(folder):
    def refuses(name, done, *words):
        good = done.returncode == 2 and done.stderr.startswith("error: ") and all(w in done.stderr for w in words)
        check(name, good, f"exit {done.returncode}: {done.stderr[:300]}")

    path = folder / "bad.toml"
    for name, text, words in (
        ("unknown key", "stage = 1", ["bad.toml:1:", "stage", "phase"]),
        ("unknown value", "[deploy]\ntargets = ['moon']", ["bad.toml:2:", "moon", "browser"]),
        ("no TOML", "phase =", ["bad.toml:1:"]),
        ("binary", "\x00\x01\x02", ["bad.toml:1:"]),
        ("deep", "x = " + "[" * 5000, ["bad.toml:1:"]),
    ):
        path.write_text(text)
        refuses(name, eco("choose", "--scenario", path), *words)
    refuses("missing file", eco("choose", "--scenario", folder / "none.toml"), "none.toml")
    refuses("no scenario, no terminal", eco("choose"), "--scenario", "terminal")
    of_models = ("--goal", "beauty", "--price-per-hour", "3", "--out", folder / "out", "--threads", "1,2", "--margin", "1")
    refuses("options of a measured choice", eco("choose", "--scenario", SCENARIOS / "research.toml", *of_models), *of_models[::2])
    check("nothing is made", not (folder / "out").exists())
    refuses("the same without a scenario", eco("choose", "--goal", "latency"), "--goal", "MODEL")
    refuses("--explain of a model", eco("choose", folder / "model.onnx", "--explain"), "--explain")
    refuses("unknown language", eco("choose", "--lang", "fr"), "fr")
    refuses("unknown language in the environment", eco("doctor", "--matrix", env={"ECOTONE_LANG": "fr"}), "ECOTONE_LANG", "fr")
    done = eco("choose", "--scenario", folder / "none.toml", "--json")
    check("--json errors", json.loads(done.stdout)["error"]["exit_code"] == 2)
    done = eco("choose", "--scenario", SCENARIOS / "research.toml", env={"ECOTONE_DATA": str(folder)})
    check("no facts: exit 3", done.returncode == 3 and "ECOTONE_DATA" in done.stderr, done.stderr)
    (folder / "data/facts").mkdir(parents=True)
    shutil.copytree(ROOT / "data/facts", folder / "data/facts", dirs_exist_ok=True)
    for name, old, new, words in (
        ("unknown key of a fact", "[hardware]", "[hardwear]", ["jax.toml", "hardwear"]),
        ("source that is not there", 'source = "package"', 'source = "nobody"', ["jax.toml", "nobody"]),
        ("state that is none", "[hardware]\n", '[hardware]\nbrowser = { state = "maybe", source = "package" }\n', ["jax.toml", "maybe"]),
        ("hardware that is none", "[hardware]\n", '[hardware]\nabacus = { source = "package" }\n', ["jax.toml", "abacus", "nvidia-gpu"]),
        ("format that is none", "[reads]\n", '[reads]\npapyrus = { source = "package" }\n', ["jax.toml", "papyrus"]),
    ):
        text = (ROOT / "data/facts/stacks/jax.toml").read_text(encoding="utf-8")
        check(f"{name}: the text is there", old in text)
        text = text.replace(old, new, 1)
        if name == "state that is none":
            text = text.replace(" browser\" = {", "\" = {", 1)
        (folder / "data/facts/stacks/jax.toml").write_text(text, encoding="utf-8")
        refuses(name, eco("choose", "--scenario", SCENARIOS / "research.toml", env={"ECOTONE_DATA": str(folder / "data")}), *words)


def languages():
    path = SCENARIOS / "chinese-ocr.toml"
    for name, arguments, env, chinese in (
        ("--lang zh", ["--lang", "zh"], {}, True),
        ("ECOTONE_LANG", [], {"ECOTONE_LANG": "zh"}, True),
        ("the locale", [], {"LANG": "zh_CN.UTF-8"}, True),
        ("LC_ALL before LANG", [], {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, False),
        ("--lang before all", ["--lang", "en"], {"ECOTONE_LANG": "zh", "LC_ALL": "zh_CN.UTF-8"}, False),
        ("nothing", [], {}, False),
    ):
        text = eco("choose", "--scenario", path, *arguments, env=env).stdout
        check(name, ("理由" in text) == chinese and ("Why" in text) != chinese, text[:200])
    english = eco("choose", "--scenario", path, "--json").stdout
    check("JSON stays English", english == eco("choose", "--scenario", path, "--json", "--lang", "zh").stdout)
    check("doctor", "处理器" in eco("doctor", "--no-measure", "--lang", "zh").stdout)
    check("the matrix", "浏览器" in eco("doctor", "--matrix", "--lang", "zh").stdout)


def interview(folder):
    def talk(lines, env=None):
        master, slave = pty.openpty()
        environment = {k: v for k, v in os.environ.items() if k not in LOCALE} | (env or {})
        process = subprocess.Popen([ECO, "choose"], stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        os.close(slave)
        os.write(master, ("\n".join(lines) + "\n").encode())
        out, err = process.communicate(timeout=60)
        os.close(master)
        return process.returncode, out, err

    saved = folder / "answers.toml"
    # Phase, a wrong task and the right one, data and its language, a wrong size of the team and the right one, experience, languages, hardware, targets, framework, training, privacy, licence, budget, support.
    lines = ["production", "painting", "vision", "medium", "zh", "few", "5", "", "python, c++", "nvidia-gpu", "ios,android", "pytorch", "", "device", "", "", "", str(saved)]
    code, out, err = talk(lines)
    check("interview: an answer", code == 0 and "PyTorch" in out and "iPhone" in out, f"{code} {out[:300]} {err[-300:]}")
    check("interview: asks again", "'painting' is none of them" in err, err)
    check("interview: asks again for a number", "A number above 0" in err, err)
    check("interview: saved", saved.exists() and "size = 5" in saved.read_text() and 'targets = ["ios", "android"]' in saved.read_text(), err[-200:])
    if saved.exists():
        check("interview: the file gives the same answer", eco("choose", "--scenario", saved).stdout == out)
    code, out, err = talk([""] * 20, {"ECOTONE_LANG": "zh"})
    check("interview in Chinese", code == 0 and "处于哪个阶段" in err, err[:300])


def installed(folder):
    """An installed command finds its data beside it, wherever the tree lies."""
    prefix = folder / "prefix"
    (prefix / "bin").mkdir(parents=True)
    shutil.copy2(ECO, prefix / "bin/eco")
    done = subprocess.run([prefix / "bin/eco", "choose", "--scenario", SCENARIOS / "research.toml"], capture_output=True, text=True, cwd=folder, check=False)
    check("without data: exit 3", done.returncode == 3 and "ECOTONE_DATA" in done.stderr, done.stderr)
    for part in ("facts", "messages"):
        shutil.copytree(ROOT / "data" / part, prefix / "share/ecotone" / part)
    done = eco("choose", "--scenario", SCENARIOS / "research.toml", "--lang", "zh", command=prefix / "bin/eco", cwd=folder)
    check("with data", done.returncode == 0 and "理由" in done.stdout, done.stderr)
    shutil.rmtree(prefix / "share/ecotone/messages")
    done = eco("choose", "--scenario", SCENARIOS / "research.toml", env={"LANG": "zh_CN.UTF-8"}, command=prefix / "bin/eco", cwd=folder)
    check("a locale without texts: English, and a warning", done.returncode == 0 and "Why" in done.stdout and "warning" in done.stderr, done.stderr)
    done = eco("choose", "--scenario", SCENARIOS / "research.toml", "--lang", "zh", command=prefix / "bin/eco", cwd=folder)
    check("a language that was asked for: exit 3", done.returncode == 3, done.stderr)
    # Somebody else's data folder is not taken for ours.
    (prefix / "data/facts").mkdir(parents=True)
    check("a stranger's data folder", eco("choose", "--scenario", SCENARIOS / "research.toml", command=prefix / "bin/eco", cwd=folder).returncode == 0)


def matrix():
    rows = json.loads(eco("doctor", "--matrix", "--json").stdout)["matrix"]
    check("rows", len(rows) == 12)
    states = {"unknown", "no", "planned", "compiled only", "in part", "declared", "installed, no device", "installed, not run", "ran here"}
    for row in rows:
        for cell in row["cells"]:
            check(f"{row['hardware']}, {cell['ecosystem']}", cell["state"] in states and (cell["state"] == "unknown" or "ran" in cell or cell["declared"]["source"]["url"]))


def main():
    with tempfile.TemporaryDirectory() as name:
        answers(Path(name))
        broken = Path(name) / "broken"
        broken.mkdir()
        errors(broken)
        languages()
        interview(Path(name))
        installed(Path(name))
        matrix()
    print(f"{COUNTS[True]} passed, {COUNTS[False]} failed")
    return 1 if COUNTS[False] else 0


if __name__ == "__main__":
    sys.exit(main())
