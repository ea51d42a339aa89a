"""The facts about stacks: each has a source with a date and a version, all references lead somewhere, and what can be
checked against the packages of build/venv is checked."""

import datetime
import importlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(os.environ["ECOTONE_SOURCE_DIR"])
FACTS = ROOT / "data/facts"
GROUPS = {"hardware", "target", "system", "phase", "task", "language", "reads", "writes", "about"}
SPDX = {"Apache-2.0": r"Apache[- ](Software )?(License,? )?(Version )?2|Apache Software", "MIT": r"\bMIT\b", "BSD-3-Clause": r"BSD"}
COUNTS = {True: 0, False: 0}


def check(name, good, why=""):
    COUNTS[bool(good)] += 1
    if not good:
        print(f"FAILED {name}: {why}")


def load(path):
    return tomllib.loads(path.read_text(encoding="utf-8"))


def statements(file):
    """Every statement of a file that must have a source: (where, table)."""
    for group, entries in file.items():
        if group in GROUPS:
            for key, entry in entries.items():
                yield f"{group}.{key}", entry
        elif group in ("format", "conversion", "measurement"):
            for i, entry in enumerate(entries):
                yield f"{group} {entry.get('id') or entry.get('tool') or i}", entry


def sources(name, file):
    today = datetime.date.today() + datetime.timedelta(days=1)
    for key, source in file.get("sources", {}).items():
        where = f"{name}: source {key}"
        check(f"{where}: complete", all(source.get(k) for k in ("title", "url", "date", "version")), source)
        match = re.fullmatch(r"(\d{4})-(\d\d)(?:-(\d\d))?", source["date"])
        check(f"{where}: date", match, source["date"])
        if match:
            day = datetime.date(int(match[1]), int(match[2]), int(match[3] or 1))
            check(f"{where}: not of the future", datetime.date(2015, 1, 1) < day <= today, day)
        url = source["url"]
        check(f"{where}: address", re.match(r"https://[\w.-]+/|pkg:(pypi|npm)/[@\w./-]+@[\w.]+$", url) or (ROOT / url).is_file(), url)
        check(f"{where}: used", any(entry.get("source") == key for _, entry in statements(file)))
    for where, entry in statements(file):
        check(f"{name}: {where}: source", entry.get("source") in file.get("sources", {}), entry)
        # What people read in Chinese, they read in Chinese.
        check(f"{name}: {where}: both languages", group_is_data(entry) or bool(entry.get("note")) == bool(entry.get("zh")), entry)


def group_is_data(entry):
    return "ms" in entry


def references(stacks, formats):
    known = {e["name"] for e in load(ROOT / "python/ecotone_workers/engines.toml")["engine"]}
    owners = {}
    for name, stack in stacks.items():
        for engine in stack.get("engines", []):
            owners.setdefault(engine, []).append(name)
            check(f"{name}: engine {engine} is in the registry", engine in known)
        for key in ("licence", "maker"):
            check(f"{name}: {key}", stack.get("about", {}).get(key, {}).get("value"))
        for role in stack.get("roles", []):
            check(f"{name}: role {role}", role in ("train", "serve", "platform", "service"))
        if "serve" in stack["roles"]:
            check(f"{name}: serves something", stack.get("reads") and any(e.get("state", "yes") != "no" for e in stack["target"].values()))
        if "train" in stack["roles"]:
            check(f"{name}: writes something", stack.get("writes"))
    # Engines that nobody chooses as a stack: ONNX's evaluator is a reference, tinygrad has no facts yet.
    for engine in known - {"onnx-reference", "tinygrad"}:
        check(f"engine {engine} belongs to one stack", len(owners.get(engine, [])) == 1, owners.get(engine))
    used = {c[k] for c in formats["conversion"] for k in ("from", "to")}
    for stack in stacks.values():
        for group in ("reads", "writes"):
            used |= {word for key in stack.get(group, {}) for word in key.split()}
    ids = [f["id"] for f in formats["format"]]
    check("formats are named once", len(ids) == len(set(ids)))
    check("every format is of use", set(ids) == used, set(ids) ^ used)
    read = {word for s in stacks.values() for key in s.get("reads", {}) for word in key.split()}
    made = {c["from"] for c in formats["conversion"]}
    check("no format is a dead end", all(i in read | made for i in ids), [i for i in ids if i not in read | made])


def licence_of(package):
    meta = importlib.metadata.metadata(package)
    return " ".join([meta.get("License-Expression") or "", meta.get("License") or "", *(c for c in meta.get_all("Classifier") or [] if "License" in c)])


def attribute(path):
    parts = path.split(".")
    for i in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:i]))
        except ImportError:
            continue
        for part in parts[i:]:
            found = getattr(found, part)
        return found
    raise AttributeError(path)


def newest_opset():
    import onnxruntime
    from onnx import TensorProto, helper

    def loads(opset):
        value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [2])  # noqa: E731
        graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [value("x")], [value("y")])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        try:
            onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        except Exception:
            return False
        return True

    return max(v for v in range(13, 60) if loads(v))


def openvino_front_ends():
    from openvino.frontend import FrontEndManager

    return FrontEndManager().get_available_front_ends()


def holds(kind, argument, entry, eco):
    """Whether an installed package says the same."""
    if kind == "licence":
        return re.search(SPDX[entry["value"]], licence_of(argument))
    if kind == "python":
        wanted = importlib.metadata.metadata(argument).get("Requires-Python")
        return "value" not in entry or entry["value"] == wanted
    if kind == "attribute":
        return callable(attribute(argument))
    if kind == "jax-cpu":
        import jax

        return any(d.platform == "cpu" for d in jax.devices())
    if kind == "onnxruntime-provider":
        import onnxruntime

        return argument in onnxruntime.get_available_providers()
    if kind == "onnxruntime-opset":
        return entry["value"] == str(newest_opset())
    if kind == "openvino-frontend":
        return argument in openvino_front_ends()
    if kind == "openvino-device":
        import openvino

        return argument in openvino.Core().available_devices
    if kind == "flatbuffer-limit":
        from flatbuffers.builder import Builder

        return entry["limit_mb"] == Builder.MAX_BUFFER_SIZE / 1e6
    if kind == "eco-format":
        help_text = subprocess.run([eco, "inspect", "--help"], capture_output=True, text=True, check=True).stdout
        return {"onnx": "ONNX", "stablehlo": "StableHLO"}[argument] in help_text
    if kind == "file":
        name, word = argument.split()
        return word in (ROOT / name).read_text(encoding="utf-8")
    raise KeyError(kind)


def versions(name, file):
    """A source that is an installed package names the version that is installed."""
    for key, source in file.get("sources", {}).items():
        match = re.fullmatch(r"pkg:pypi/([\w-]+)@([\w.]+)", source["url"])
        if not match:
            continue
        try:
            installed = importlib.metadata.version(match[1])
        except importlib.metadata.PackageNotFoundError:
            continue
        check(f"{name}: source {key}: version of {match[1]}", installed == match[2], f"{installed} is installed: read the source again")


def survey(matrix, stacks):
    """Section 13 of docs/survey-check.md says what the facts say."""
    titles = dict(re.findall(r'\{"([\w-]+)", "([^"]+)"\}', (ROOT / "ecotone/engine/facts.cpp").read_text(encoding="utf-8")))
    words = {title: word for word, title in titles.items()}
    main_stack = {"PyTorch": "pytorch", "TensorFlow": "tensorflow", "JAX": "jax", "ONNX Runtime": "onnxruntime", "oneAPI": "oneapi", "Core ML": "coreml"}
    section = (ROOT / "docs/survey-check.md").read_text(encoding="utf-8").split("## 13,")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) on (.+?) \| .+? \| (.+?) \|$", section, re.M)
    check("section 13 has its table", len(rows) > 10, section)
    for ecosystem, hardware, now in rows:
        for title in hardware.split(", "):
            cell = matrix.get((words.get(title), ecosystem), {})
            said, stack = cell.get("state"), cell.get("declared", {}).get("stack")
            if said in ("declared", "in part") and stack != main_stack[ecosystem]:
                said += f" ({stacks[stack]['name']})"
            check(f"section 13: {ecosystem} on {title}", now.split(":")[0] == said, f"{now} | {said}")


def main():
    os.environ["CI"] = "true"  # openvino sends no event then
    eco = os.environ["ECO"]
    stacks = {p.stem: load(p) for p in sorted((FACTS / "stacks").glob("*.toml"))}
    check("there are stacks", len(stacks) > 20)
    files = stacks | {"formats": load(FACTS / "formats.toml"), "measured": load(FACTS / "measured.toml")}
    checked = 0
    for name, file in files.items():
        sources(name, file)
        versions(name, file)
        for where, entry in statements(file):
            if "check" not in entry:
                continue
            kind, _, argument = entry["check"].partition(" ")
            checked += 1
            try:
                check(f"{name}: {where}: {entry['check']}", holds(kind, argument, entry, eco), "the installed package says otherwise")
            except Exception as error:
                check(f"{name}: {where}: {entry['check']}", False, repr(error))
    check("some facts are checked", checked > 20, checked)
    references(stacks, files["formats"])
    # The command reads the same files. Where nothing is installed it says what they say.
    with tempfile.TemporaryDirectory() as empty:
        environment = {k: v for k, v in os.environ.items() if k not in ("ECOTONE_PYTHON", "ECOTONE_RAN")} | {"XDG_DATA_HOME": empty}
        done = subprocess.run([eco, "doctor", "--matrix", "--json"], capture_output=True, text=True, check=False, env=environment)
    check("eco reads them", done.returncode == 0, done.stderr)
    if done.returncode == 0:
        matrix = {(row["hardware"], c["ecosystem"]): c for row in json.loads(done.stdout)["matrix"] for c in row["cells"]}
        check("every declared cell has its source", all(c["declared"]["source"]["date"] for c in matrix.values() if "declared" in c))
        survey(matrix, stacks)
    print(f"{COUNTS[True]} passed, {COUNTS[False]} failed")
    return 1 if COUNTS[False] else 0


if __name__ == "__main__":
    sys.exit(main())
