"""The page of `eco report`: well-formed, self-contained, safe against hostile names, true to its reports, in both languages."""

import copy
import html
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

from onnx import TensorProto, helper

ECO = os.environ["ECO"]
COUNTS = {True: 0, False: 0}
VOID = {"meta", "br"}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&\u202e\u0007"


def check(name, good, why=""):
    COUNTS[bool(good)] += 1
    if not good:
        print(f"FAILED {name}: {why}")


def eco(*arguments, **variables):
    return subprocess.run([ECO, *map(str, arguments)], capture_output=True, text=True, timeout=120, env=os.environ | {"LC_ALL": "C.UTF-8"} | variables)


class Reader(HTMLParser):
    """Elements must close in order; collects tags, attributes and text."""

    def __init__(self):
        super().__init__()
        self.stack, self.tags, self.attributes, self.faults, self.words = [], [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes]
        if len({name for name, _ in attributes}) < len(attributes):
            self.faults.append(f"an attribute of {tag} twice")
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.stack.pop()

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop() != tag:
            self.faults.append(f"</{tag}> closes something else, line {self.getpos()[0]}")

    def handle_data(self, data):
        self.words.append(data)


def examine(name, page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    check(f"{name}: well-formed", not reader.faults and not reader.stack, (reader.faults[:3], reader.stack))
    check(f"{name}: no scripts", not {"script", "iframe", "object", "embed", "link", "img", "base", "form"} & set(reader.tags))
    handlers = [a for a in reader.attributes if a[1].startswith("on")]
    fetched = [a for a in reader.attributes if a[1] in ("src", "srcset", "data", "poster") or a[1].endswith("href") and not a[2].startswith("#")]
    check(f"{name}: nothing is fetched", not handlers and not fetched, (handlers, fetched))
    check(f"{name}: no styles fetch", not re.search(r"@import|url\(", page))
    ids = [value for _, key, value in reader.attributes if key == "id"]
    targets = {value[1:] for _, key, value in reader.attributes if key == "href"}
    check(f"{name}: links lead somewhere", len(ids) == len(set(ids)) and targets <= set(ids), targets - set(ids))
    drawings = re.findall(r"<svg.*?</svg>", page, re.S)
    for drawing in drawings:
        root = ET.fromstring(drawing)
        check(f"{name}: a drawing has a name", root.get("role") == "img" and root.get("aria-label"))
        numbers = [float(v) for e in root.iter() for k, v in e.attrib.items() if k in ("x", "y", "cx", "cy", "x1", "x2", "y1", "y2", "width", "height")]
        check(f"{name}: numbers of a drawing", all(abs(n) < 1e5 for n in numbers))
    scopes = [a for a in reader.attributes if a[0] == "th" and a[1] == "scope"]
    check(f"{name}: headers have a scope", len(scopes) == reader.tags.count("th") > 0)
    return reader, drawings


def row(engine, p50, error, mb, kind="loses", **more):
    return {"engine": engine, "version": "1.0", "verdict": f"{kind} in English", "status": "timed", "shapes": "x=1,4", "threads": 1,
            "outcome": {"kind": kind, "against": "fast", "reason": "", "ratio": 1.5, "low": 1.4, "high": 1.6}, "max_error": error, "pareto": False,
            "latency_ms": {"p10": p50 * 0.9, "p50": p50, "p90": p50 * 1.2, "p99": p50 * 2, "min": p50 * 0.8, "runs": 30}, "peak_mb": mb,
            "throughput_per_s": 12.5, "load_ms": 5.0, "path": "reads the file itself", "changes": [], "warnings": [], "settings": {"threads": 1},
            "placement": {"fallbacks": [], "nodes": []}} | more


def make_report(cpu="Some CPU", model="/models/net.onnx", rows=None, noise=0.1):
    nodes = [{"op": "input", "name": "x", "from": []}, {"op": "dot_general", "name": "n", "from": [0]}, {"op": "softmax", "name": "s", "from": [1]},
             {"op": "add", "name": "skip", "from": [0, 2]}, {"op": "output", "name": "y", "from": [3]}]
    graph = {"inputs": [{"name": "x", "type": "1x4xf32"}], "outputs": [{"name": "y", "type": "1x4xf32"}], "equations": 3, "parameters": 1,
             "parameter_bytes": 64, "ops": {"dot_general": 1, "softmax": 1, "add": 1}, "nodes": nodes}
    placed = [{"node": f"n{i}", "op": "Conv" if i % 2 else "Add", "device": "CPU", "kernel": "jit", "precision": "f32", "time_ms": 0.5 + i} for i in range(9)]
    rows = rows or [row("fast", 10.0, 1e-6, 80.0, "wins", pareto=True, placement={"fallbacks": [], "nodes": placed}, variants=["GPU.7"],
                        settings={"threads": 1, "inference_precision": "bf16", "device": "a device of its own"}),
                    row("even", 10.1, 2e-6, 60.0, "tie", changes=["sizes fixed for x"], warnings=["fallback: n1 (Conv) runs on CPU"]),
                    row("slow", 900.0, 1e-7, 300.0),
                    row("wrong", 1.0, 3.0, 10.0, "disagrees", status="disagrees", latency_ms=None,
                        outcome={"kind": "disagrees", "against": "", "reason": "output y is off by 3 (at most 0.001)"}),
                    row("broken", 1.0, 0.0, 1.0, "failed", status="failed", latency_ms=None, max_error=None, outcome={"kind": "failed", "against": "", "reason": "it crashed"})]
    return {"schema_version": 1, "ecotone_version": "0.1.0", "date": "2025-06-01T12:00:00Z", "command": "eco compare net.onnx --html out.html", "model": model,
            "machine": {"cpu": cpu, "architecture": "x86_64", "system": "Linux", "units": ["avx2"], "processors_online": 8, "processors_usable": 8,
                        "memory_bytes": 16 << 30, "gpus": [], "caches": [{"level": 1, "type": "Data", "bytes": 32768, "shared_by": 1}]},
            "interrupted": False,
            "cases": [{"shapes": "x=1,4", "batch": 1, "threads": 1, "reference_ms": 1.0, "graph": graph,
                       "noise": {"others_cpus": noise, "limit_cpus": 0.5, "canary_spread": 1.02, "verdict": ""}}],
            "rows": rows}


def write(folder, name, report):
    path = folder / name
    path.write_text(json.dumps(report))
    return path


def page_of(folder, name, *files, code=0, lang="en"):
    out = folder / f"{name}.html"
    done = eco("report", *files, "--html", out, "--lang", lang)
    check(f"{name}: exit code", done.returncode == code, done.stderr[-400:])
    return out.read_text(encoding="utf-8") if out.exists() else ""


def boxes(drawing):
    """The labels of a scatter plot as (x0, y0, x1, y1, text), 0.55 em a letter, which is wide for a proportional font."""
    found = []
    for text in ET.fromstring(drawing).iter("text"):
        if "label" in (text.get("class") or ""):
            x, y, half = float(text.get("x")), float(text.get("y")), len(text.text) * 5.5 / 2
            found.append((x - half, y - 8, x + half, y + 2, text.text))
    return found


def contents(folder):
    page = page_of(folder, "one", write(folder, "one.json", make_report()))
    reader, drawings = examine("one", page)
    words = " ".join(reader.words)
    for wanted in ("fast", "★", "≈", "wins by 50.0% [40.0, 60.0] over fast", "tie with fast", "not in agreement: output y is off by 3", "failed: it crashed",
                   "sizes fixed for x", "fallback: n1 (Conv) runs on CPU", "eco compare net.onnx --html out.html", "2025-06-01T12:00:00Z", "Some CPU", "1x4xf32",
                   "8 online, 8 usable", "softmax", "jit", "features found", "GPU.7", "bf16", "9 nodes: CPU f32 9"):
        check(f"the page says {wanted!r}", wanted in words)
    scatter = [d for d in drawings if 'class="label' in d]
    check("two scatter plots", len(scatter) == 2, len(scatter))
    for d in scatter:
        check("every timed engine has a label", sorted(b[4] for b in boxes(d)) == ["even", "fast", "slow"], boxes(d))
    # Time against error: (10, 1e-6) and (900, 1e-7) are not beaten, (10.1, 2e-6) is.
    check("the front", [t.text for t in ET.fromstring(scatter[0]).iter("text") if t.get("class") == "label good"] == ["fast", "slow"])
    drawn = [d for d in drawings if 'class="node' in d]
    check("the graph is drawn", len(drawn) == 1 and drawn[0].count("<rect") == 5, len(drawn))
    check("an edge for each", len(re.findall('class="edge"', drawn[0])) == 5 + 2)  # the skip goes through two layers
    # Placement: 9 nodes at 0.5 .. 8.5 ms, those of Conv (odd) sum to 18 of 40.5.
    check("time by operation", "18.0 ms 44%" in page, re.findall(r"[\d.]+ ms \d+%", page)[:4])


def many_labels(folder):
    rows = [row(f"engine-{i:02d}", 10 + 0.3 * i, 1e-6 * (1 + i % 3), 100.0 + i) for i in range(24)]
    page = page_of(folder, "many", write(folder, "many.json", make_report(rows=rows)))
    _, drawings = examine("many", page)
    for d in (d for d in drawings if 'class="label' in d):
        found = boxes(d)
        check("all 24 engines have a label", len(found) == 24, len(found))
        over = [(a[4], b[4]) for i, a in enumerate(found) for b in found[:i] if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]]
        check("labels do not overlap", not over, over[:3])
        check("labels stay inside", all(b[0] >= 0 and b[2] <= 360 for b in found))


def hostile(folder):
    report = make_report(cpu=HOSTILE, model="/m/" + HOSTILE)

    def poison(value, key=""):
        if isinstance(value, dict):
            return {(k if k in known else HOSTILE): poison(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [poison(v, key) for v in value]
        return HOSTILE if isinstance(value, str) and key not in ("status", "shapes", "kind") else value

    known = set(re.findall(r'"(\w+)":', json.dumps(make_report()))) - {"dot_general", "softmax", "add", "threads"} | {"threads"}
    poisoned = poison(report)
    poisoned["cases"][0]["shapes"] = poisoned["rows"][0]["shapes"] = HOSTILE
    page = page_of(folder, "hostile", write(folder, "hostile.json", poisoned))
    reader, _ = examine("hostile", page)
    check("hostile text is shown as text", "<script>alert(1)</script>" in "".join(reader.words))
    check("no character that turns text round", "\u202e" not in page and "\u0007" not in page)
    rotten = {"variants": [1, {}], "version": "2", "latency_ms": 3, "outcome": [], "placement": {"nodes": [1, {"device": {}}, None]}, "settings": [], "changes": [3], "warnings": {}, "max_error": "nan"}
    odd = make_report(rows=[row("a", 1e300, 1e-300, -5.0), row("b", 0.0, 0.0, 0.0), row("c", 1.0, 1.0, 1.0) | rotten])
    odd["cases"][0]["graph"] = {"inputs": 3, "nodes": [{"op": 3, "from": [0, 99, -1, "x"]}] * 5, "ops": {"a": "b"}}
    odd["machine"] = []
    examine("odd", page_of(folder, "odd", write(folder, "odd.json", odd)))


def refusals(folder):
    for name, text, word in (
        ("no JSON", "{", "no JSON"),
        ("another JSON", "{}", "schema_version"),
        ("another version", '{"schema_version": 7}', "reads 1"),
        ("a report of something else", '{"schema_version": 1}', "'cases'"),
        ("rows without engines", '{"schema_version": 1, "cases": [], "rows": [{}]}', "rows[0]"),
        ("a deep one", '{"a":' + "[" * 100000 + "]" * 100000 + "}", "deep"),
        ("an error's report", '{"schema_version": 1, "error": {"message": "the model is wrong"}}', "the model is wrong"),
    ):
        path = folder / "bad.json"
        path.write_text(text)
        out = folder / "bad.html"
        done = eco("report", path, "--html", out)
        check(f"refused: {name}", done.returncode == 2 and word in done.stderr and str(path) in done.stderr and not out.exists(), f"{done.returncode} {done.stderr[:300]}")
    good = write(folder, "good.json", make_report())
    done = eco("report", good, "--html", folder / "nowhere/x.html")
    check("refused: a folder that is missing", done.returncode == 2 and "nowhere" in done.stderr, done.stderr)


def several(folder):
    laptop, server = make_report("Laptop CPU"), make_report("Server CPU", noise=3.0)
    server["rows"] = [copy.deepcopy(r) for r in server["rows"] if r["engine"] != "fast"]
    for r in server["rows"]:
        r["outcome"] |= {"kind": "not_comparable"} if r["status"] == "timed" else {}
    files = [write(folder, "laptop.json", laptop), write(folder, "server.json", server)]
    page = page_of(folder, "several", *files)
    reader, _ = examine("several", page)
    words = " ".join(reader.words)
    check("both machines", "Laptop CPU" in words and "Server CPU" in words and "not run" in words)
    check("noise is said", "other processes used 3.0 CPUs meanwhile" in words)
    table = json.loads(eco("report", *files, "--json").stdout)
    cells = {r["engine"]: r["cells"] for r in table["rows"]}
    check("columns", [c["machine"]["cpu"] for c in table["columns"]] == ["Laptop CPU", "Server CPU"], table["columns"])
    check("cells", cells["fast"][0]["best"] and cells["fast"][1] is None and cells["even"][1]["best"] and cells["even"][0]["tie"] and not cells["slow"][0]["best"], cells)
    check("what is wrong is never best", not cells["wrong"][0]["best"] and cells["wrong"][0]["status"] == "disagrees")
    done = eco("report", *files)
    check("the table", done.returncode == 0 and re.search(r"fast +10\.00 \*", done.stdout) and "Server CPU" in done.stdout, done.stdout)


def chinese(folder):
    path = write(folder, "zh.json", make_report())
    page = page_of(folder, "zh", path, lang="zh")
    reader, _ = examine("zh", page)
    words = html.unescape(" ".join(reader.words))
    check("in Chinese", 'lang="zh-CN"' in page and "引擎比较" in words and "胜过 fast，快 50.0%" in words and "wins by" not in words)
    check("reasons and warnings too", "输出 y 的偏差为 3（上限 0.001）" in words and "回退：n1 (Conv) runs on CPU" in words and "is off by" not in words)
    english = page_of(folder, "en", path)
    check("no Chinese in English", 'lang="en"' in english and not re.search(r"[\u4e00-\u9fff]", english))


def compared(folder):
    """compare --html, with our own backend as the engine: real reports go through the same door."""
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "x"], ["m"]), helper.make_node("Softmax", ["m"], [HOSTILE])], "g",
                              [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 4])], [helper.make_tensor_value_info(HOSTILE, TensorProto.FLOAT, [4, 4])])
    model = folder / "net.onnx"
    model.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
    out = folder / "compare.html"
    done = eco("compare", model, "--engines", "reference", "--seconds", "0.2", "--threads", "1", "--html", out, "--json", XDG_DATA_HOME=str(folder))
    check("compare --html", done.returncode == 0, done.stderr[-400:])
    report = json.loads(done.stdout)
    check("the report says how it was made", report["command"].startswith("eco compare") and report["date"].endswith("Z") and report["ecotone_version"], report.get("command"))
    reader, _ = examine("compare", out.read_text(encoding="utf-8"))
    check("its graph", [n["op"] for n in report["cases"][0]["graph"]["nodes"]] == ["input", "dot_general", "softmax", "output"], report["cases"][0]["graph"])
    check("the command is shown", report["command"] in "".join(reader.words))
    matrix = json.loads(eco("doctor", "--matrix", "--json", XDG_DATA_HOME=str(folder)).stdout)["matrix"]
    ran = [cell["ran"][0] for row in matrix for cell in row["cells"] if cell["ecosystem"] == "Ecotone" and "ran" in cell]
    check("what ran is proof for the matrix", [(r["engine"], r["model"]) for r in ran] == [("reference", "net.onnx")], ran)
    check("its log is the report", json.loads(Path(ran[0]["log"]).read_text())["rows"] == report["rows"])
    again = eco("report", write(folder, "compare.json", report), "--html", folder / "again.html")
    check("its JSON gives the same page", again.returncode == 0 and (folder / "again.html").read_text() == out.read_text())


def contrast(folder):
    """WCAG 2.1, 1.4.3: text has at least 4.5 to 1 against what it stands on, in both themes."""
    css = (Path(os.environ["ECOTONE_SOURCE_DIR"]) / "data/page/style.css").read_text()

    def luminance(color):
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        return sum(w * (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4) for w, c in zip((0.2126, 0.7152, 0.0722), parts))

    themes = re.findall(r":root \{(.*?)\}", css, re.S)
    check("three themes: light, dark, print", len(themes) == 3)
    for theme in themes:
        colors = dict(re.findall(r"--(\w+): (#\w{6})", theme))
        for ground in ("page", "soft"):
            for ink in ("ink", "dim", "good", "bad", "warn", "accent"):
                a, b = sorted((luminance(colors[ink]), luminance(colors[ground])), reverse=True)
                check(f"contrast of {ink} on {ground}", (a + 0.05) / (b + 0.05) >= 4.5, (a + 0.05) / (b + 0.05))


def main():
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        for test in (contents, many_labels, hostile, refusals, several, chinese, compared, contrast):
            test(folder)
    print(f"{COUNTS[True]} passed, {COUNTS[False]} failed")
    return 1 if COUNTS[False] else 0


if __name__ == "__main__":
    sys.exit(main())
