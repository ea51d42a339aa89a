"""eco compare and eco choose on engines that behave and engines that don't.

The fake ones (tests/engine/fake) are ONNX Runtime with a fault each. No speed is judged here: the machine may be busy.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "models"))
from models_test import small_network  # noqa: E402

ENVIRONMENT = os.environ | {"ECOTONE_ENGINES": str(HERE / "fake/engines.toml")}
COUNTS = {True: 0, False: 0}


def check(name, good, why=""):
    COUNTS[bool(good)] += 1
    print(f"{'ok' if good else 'FAILED'} {name}" + ("" if good else f": {why}"), flush=True)


def eco(*arguments, timeout=240):
    done = subprocess.run([os.environ["ECO"], *map(str, arguments)], capture_output=True, text=True, env=ENVIRONMENT, timeout=timeout)
    return done.returncode, done.stdout, done.stderr


def children(pid):
    """Processes that name this one's folder of exchange or are its children, still there."""
    return subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()


def workers():
    return set(subprocess.run(["pgrep", "-f", "ecotone_workers fake_adapter"], capture_output=True, text=True).stdout.split())


def misbehaving(model):
    names = ["fake-good", "onnxruntime", "fake-crash", "fake-crash-later", "fake-hang", "fake-print", "fake-raise", "fake-leak", "fake-greedy",
             "fake-wrong", "fake-bf16", "fake-slow", "reference"]
    code, out, err = eco("compare", model, "--engines", ",".join(names), "--threads", 1, "--seconds", 0.5, "--timeout", 20, "--memory-limit", 1500, "--json")
    check("compare ends with 1: not all agree", code == 1, f"{code}: {err}")
    report = json.loads(out)
    rows = {r["engine"]: r for r in report["rows"]}
    check("every engine is a row", sorted(rows) == sorted(names), list(rows))
    for name in ("fake-good", "onnxruntime", "fake-print", "fake-slow", "reference", "fake-leak"):
        r = rows[name]
        check(f"{name} is timed", r["status"] == "timed" and r["agrees"] and r["latency_ms"]["p50"] > 0, r)
        check(f"{name} is within rounding", r["within_rounding"] and 0 <= r["max_error"] < 1e-5, r)
        q = r["latency_ms"]
        check(f"{name}: quantiles in order", q["min"] <= q["p50"] <= q["p90"] <= q["p99"] <= q["max"], q)
    for name, words in {"fake-crash": "crashed", "fake-crash-later": "crashed", "fake-hang": "no answer within 20 s", "fake-raise": "operator Conv is not implemented",
                        "fake-greedy": "memory"}.items():
        r = rows[name]
        check(f"{name} fails, and says why", r["status"] == "failed" and r["verdict"].startswith("failed: ") and words in r["verdict"], r["verdict"])
    for name in ("fake-wrong", "fake-bf16"):
        r = rows[name]
        check(f"{name} does not agree, and is not timed", r["verdict"].startswith("not in agreement") and "latency_ms" not in r, r)
    check("fake-wrong is 10% off", abs(rows["fake-wrong"]["max_rel_error"] - 0.1) < 1e-3, rows["fake-wrong"]["max_rel_error"])
    check("fake-leak is told", any("memory leak" in w for w in rows["fake-leak"]["warnings"]), rows["fake-leak"]["warnings"])
    check("fake-slow waits 50 ms a run", rows["fake-slow"]["latency_ms"]["min"] >= 50, rows["fake-slow"]["latency_ms"])
    order = [r["latency_ms"]["p50"] for r in report["rows"] if r["status"] == "timed"]
    check("the fastest comes first", order == sorted(order), order)
    check("no worker stays behind", not workers(), workers())


def interrupting(model):
    with subprocess.Popen([os.environ["ECO"], "compare", model, "--engines", "fake-good,fake-slow,fake-hang,fake-print", "--threads", "1", "--json"], env=ENVIRONMENT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.time() + 60
        while len(children(process.pid)) < 3 and time.time() < deadline:
            time.sleep(0.1)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    check("Ctrl-C ends with 130", process.returncode == 130, f"{process.returncode} {err}")
    report = json.loads(out)
    check("the rows so far are kept", report["interrupted"] and len(report["rows"]) == 4, out[:500])
    check("what was checked stays", any(r["engine"] == "fake-good" and r.get("agrees") for r in report["rows"]), out[:500])
    check("no process stays behind", not workers(), workers())


def usage(model, folder):
    code, _, err = eco("compare", model, "--engines", "nosuch")
    check("an unknown engine: 3, and the names there are", code == 3 and "nosuch" in err and "onnxruntime" in err, f"{code} {err}")
    code, _, err = eco("compare", folder / "absent.onnx")
    check("a missing file: 2", code == 2 and "absent.onnx" in err, f"{code} {err}")
    code, _, err = eco("compare", model, "--threads", "0")
    check("no threads: 2", code == 2 and "--threads" in err, f"{code} {err}")
    code, out, err = eco("compare", model, "--engines", "fake-good,fake-print", "--threads", "1", "--seconds", "0.2", "--lang", "zh")
    check("a table in Chinese", code == 0 and "引擎" in out and "fake-good" in out, f"{code} {out} {err}")
    code, out, err = eco("compare", folder / "any_batch.onnx", "--engines", "fake-good", "--shape", "x=1,3,16,16", "--shape", "x=4,3,16,16", "--threads", "1,2", "--seconds", "0.2", "--json")
    cases = [(r["shapes"], r["threads"]) for r in json.loads(out)["rows"]]
    check("several sizes and threads in one call", sorted(cases) == [(f"x={n},3,16,16", t) for n in (1, 4) for t in (1, 2)], cases)
    x = np.random.default_rng(1).standard_normal((1, 3, 16, 16)).astype(np.float32)
    np.savez(folder / "in.npz", x=x)
    code, out, err = eco("compare", model, "-i", folder / "in.npz", "--engines", "fake-good", "--threads", "1", "--seconds", "0.2", "--json")
    check("inputs from a file", code == 0 and json.loads(out)["rows"][0]["agrees"], f"{code} {err}")


def choosing(model, folder):
    saved = folder / "chosen"
    code, out, err = eco("choose", model, "--engines", "fake-good,fake-slow,fake-wrong", "--threads", "1", "--seconds", "0.5", "--out", saved, "--json")
    report = json.loads(out)
    check("the faster of those that agree is chosen", code == 0 and report["recommended"] == "fake-good", f"{code} {out[:300]} {err}")
    decision = json.loads((saved / "decision.json").read_text())
    check("the decision names it and the next", decision["engine"] == "fake-good" and decision["runner_up"]["engine"] == "fake-slow", decision)
    check("every reason has a kind", {r["kind"] for r in report["reasons"]} <= {"measured here", "cited", "your preference"}, report["reasons"])
    code, out, err = eco("choose", "--check", saved / "decision.json", "--margin", "100", "--seconds", "0.5", "--json")
    check("a check finds that it holds", code == 0 and json.loads(out)["holds"], f"{code} {out[:300]} {err}")
    (saved / "decision.json").write_text(json.dumps(decision | {"engine": "fake-wrong"}))
    code, out, err = eco("choose", "--check", saved / "decision.json", "--seconds", "0.5", "--json")
    check("an engine that no longer agrees is a regression", code == 1 and not json.loads(out)["holds"], f"{code} {out[:300]} {err}")
    (saved / "decision.json").write_text("{}")
    code, _, err = eco("choose", "--check", saved / "decision.json")
    check("a file that is no decision: 2", code == 2 and "decision.json" in err, f"{code} {err}")
    code, out, err = eco("choose", model, "--engines", "fake-wrong,fake-crash", "--threads", "1")
    check("nothing to recommend: 1", code == 1, f"{code} {out} {err}")
    code, _, err = eco("choose", model, "--goal", "beauty")
    check("an unknown goal: 2, and the goals", code == 2 and "throughput" in err, f"{code} {err}")
    for goal in ("throughput", "memory", "size", "startup", "cost"):
        code, out, err = eco("choose", model, "--engines", "onnxruntime,reference", "--goal", goal, "--price-per-hour", "0.1", "--threads", "1", "--seconds", "0.3", "--json")
        check(f"goal {goal}", code == 0 and json.loads(out)["decision"]["goal"] == goal, f"{code} {err}")


def main():
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        model = folder / "model.onnx"
        network = small_network(np.random.default_rng(0))
        onnx.save(network, model)
        for value in (*network.graph.input, *network.graph.output):
            value.type.tensor_type.shape.dim[0].dim_param = "batch"
        onnx.save(network, folder / "any_batch.onnx")
        misbehaving(model)
        interrupting(model)
        usage(model, folder)
        choosing(model, folder)
    print(f"{COUNTS[True]} passed, {COUNTS[False]} failed")
    return 1 if COUNTS[False] else 0


if __name__ == "__main__":
    sys.exit(main())
