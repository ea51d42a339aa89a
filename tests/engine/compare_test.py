"""eco compare and eco choose on engines that behave and engines that don't (tests/engine/fake). No speed is judged here: the machine may be busy."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ECO = os.environ["ECO"]
# Processes that inherit it are known by it.
MARK = f"ECOTONE_COMPARE_TEST={os.getpid()}"
ENVIRONMENT = os.environ | {"ECOTONE_ENGINES": str(Path(__file__).parent / "fake/engines.toml")} | dict([MARK.split("=")])
COUNTS = {True: 0, False: 0}


def check(name, good, why=""):
    COUNTS[bool(good)] += 1
    if not good:
        print(f"FAILED {name}: {why}", flush=True)


def eco(*arguments):
    done = subprocess.run([ECO, *map(str, arguments)], capture_output=True, text=True, errors="replace", env=ENVIRONMENT, timeout=240)
    return done.returncode, done.stdout, done.stderr


def compared(*arguments):
    """The exit code of eco compare, and its report."""
    code, out, err = eco("compare", *arguments, "--threads", 1, "--json")
    check("compare tells JSON", out.startswith("{"), err)
    return code, json.loads(out)


def left_behind():
    """Our processes that are still there, but for this one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if MARK.encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes())
        except OSError:  # gone meanwhile, or somebody else's
            pass
    return found


def doubling(path, batch):
    """y = 2 x, which is what the fakes compute."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, 3, 16, 16]) for name in ("x", "y")]
    two = numpy_helper.from_array(np.array(2, np.float32), "two")
    graph = helper.make_graph([helper.make_node("Mul", ["x", "two"], ["y"])], "doubling", ends[:1], ends[1:], [two])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def misbehaving(model):
    timed = ("fake", "fake:device", "fake:raise-placement", "fake:crash-placement", "fake:print", "fake:slow", "fake:fallback", "onnxruntime", "reference")
    failed = {"fake:crash": "crashed: Segmentation fault", "fake:crash-load": "crashed: Segmentation fault", "fake:crash-later": "crashed: Segmentation fault",
              "fake:exit": "exit code 3", "fake:hang": "no answer within 20 s", "fake:raise": "the fake raises", "fake:greedy": "more than 1500 MB of memory",
              "fake:greedy-convert": "more than 1500 MB of memory"}
    disagreeing = ("fake:wrong", "fake:bf16", "fake:shape")
    names = [*timed, *failed, *disagreeing]
    code, report = compared(model, "--engines", ",".join(names), "--seconds", 0.5, "--timeout", 20, "--memory-limit", 1500)
    check("exit code 1: not all agree", code == 1, code)
    rows = {r["engine"]: r for r in report["rows"]}
    check("every engine is a row", sorted(rows) == sorted(names) and len(report["rows"]) == len(names), list(rows))
    for name in timed:
        r = rows[name]
        check(f"{name} is timed", r["status"] == "timed" and r["agrees"] and r["within_rounding"] and 0 <= r["max_error"] < 1e-6, r)
        q = r["latency_ms"]
        check(f"{name}: quantiles in order", 0 < q["min"] <= q["p50"] <= q["p90"] <= q["p99"] <= q["max"], q)
    for name, words in failed.items():
        r = rows[name]
        check(f"{name} fails, and says why", r["status"] == "failed" and r["verdict"].startswith("failed: ") and words in r["verdict"], r["verdict"])
    for name in disagreeing:
        r = rows[name]
        check(f"{name} does not agree, and is not timed", r["verdict"].startswith("not in agreement") and "latency_ms" not in r, r)
    check("fake:wrong is 10% off", abs(rows["fake:wrong"]["max_rel_error"] - 0.1) < 1e-3, rows["fake:wrong"]["max_rel_error"])
    for fault, why in (("raise", "the fake raises"), ("crash", "crashed: Segmentation fault")):
        row = rows[f"fake:{fault}-placement"]
        check(f"placement: {fault}", why in row["placement"]["unknown"] and any("placement unknown" in w for w in row["warnings"]), row)
    check("a fallback is told", rows["fake:fallback"]["warnings"] == ["fallback: double (Mul) runs elsewhere"], rows["fake:fallback"])
    check("fake:slow waits 50 ms a run", rows["fake:slow"]["latency_ms"]["min"] >= 50, rows["fake:slow"]["latency_ms"])
    order = [r["latency_ms"]["p50"] for r in report["rows"] if r["status"] == "timed"]
    check("the fastest comes first", order == sorted(order), order)
    check("no process stays behind", not left_behind(), left_behind())

    code, report = compared(model, "--engines", "fake:leak", "--seconds", 0.5)
    warnings = report["rows"][0]["warnings"]
    check("a leak is told", code == 0 and any("memory leak" in w for w in warnings), report["rows"][0])
    code, report = compared(model, "--engines", "fake:raise,fake:crash")
    check("exit code 3: none runs", code == 3 and [r["status"] for r in report["rows"]] == ["failed", "failed"], f"{code} {report}")


def interrupting(model):
    """Ctrl-C while one engine hangs."""
    names = ["fake", "fake:wrong", "fake:hang", "fake:print"]
    command = [ECO, "compare", model, "--engines", ",".join(names), "--threads", "1", "--json"]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        children, seen, deadline = Path(f"/proc/{process.pid}/task/{process.pid}/children"), set(), time.monotonic() + 60
        while len(seen) < 3 and time.monotonic() < deadline:  # the third is the one that hangs
            seen |= set(children.read_text().split())
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    check("Ctrl-C ends with 130", process.returncode == 130, f"{process.returncode} {err}")
    report = json.loads(out)
    rows = {r["engine"]: r for r in report["rows"]}
    check("a row for each", report["interrupted"] and sorted(rows) == sorted(names), out)
    check("what was checked stays", rows["fake"]["agrees"] and rows["fake:wrong"]["status"] == "disagrees", out)
    check("what was not is interrupted", all(rows[n]["verdict"] == "interrupted" for n in ("fake", "fake:hang", "fake:print")), out)
    check("no process stays behind after Ctrl-C", not left_behind(), left_behind())


def usage(model, folder):
    code, _, err = eco("compare", model, "--engines", "nosuch")
    check("an unknown engine: 3, and the names there are", code == 3 and "nosuch" in err and "onnxruntime" in err, f"{code} {err}")
    code, _, err = eco("compare", folder / "absent.onnx")
    check("a missing file: 2", code == 2 and "absent.onnx" in err, f"{code} {err}")
    code, _, err = eco("compare", model, "--threads", "0")
    check("no threads: 2", code == 2 and "--threads" in err, f"{code} {err}")
    code, out, err = eco("compare", model, "--engines", "fake,fake:print", "--threads", 1, "--seconds", 0.2, "--lang", "zh")
    check("a table in Chinese", code == 0 and "引擎" in out and "fake:print" in out, f"{code} {out} {err}")
    sizes = ("--shape", "x=1,3,16,16", "--shape", "x=4,3,16,16")
    code, out, err = eco("compare", folder / "any_batch.onnx", "--engines", "fake", *sizes, "--threads", "1,2", "--seconds", 0.2, "--json")
    cases = [(r["shapes"], r["threads"]) for r in json.loads(out)["rows"]]
    check("several sizes and threads in one call", code == 0 and cases == [(f"x={n},3,16,16", t) for n in (1, 4) for t in (1, 2)], f"{cases} {err}")
    x = np.random.default_rng(1).standard_normal((2, 3, 16, 16)).astype(np.float32)
    np.savez(folder / "in.npz", x=x)
    code, report = compared(folder / "any_batch.onnx", "-i", folder / "in.npz", "--engines", "fake", "--seconds", 0.2)
    check("inputs from a file", code == 0 and report["rows"][0]["agrees"] and report["rows"][0]["shapes"] == "x=2,3,16,16", report)


def choosing(model, folder):
    saved = folder / "chosen"
    short = ("--threads", 1, "--seconds", 0.2, "--json")
    code, out, err = eco("choose", model, "--engines", "fake:slow,fake,fake:wrong", *short, "--out", saved)
    report = json.loads(out)
    check("the faster of those that agree is chosen", code == 0 and report["recommended"] == "fake", f"{code} {out} {err}")
    decision = json.loads((saved / "decision.json").read_text())
    check("the decision names it and the next", decision["engine"] == "fake" and decision["runner_up"]["engine"] == "fake:slow", decision)
    check("every reason has a kind", {r["kind"] for r in report["reasons"]} <= {"measured here", "cited", "your preference"}, report["reasons"])
    checking = ("choose", "--check", saved / "decision.json", "--seconds", 0.2, "--json")
    check("the decision names model and inputs as seen from it", (decision["model"], decision["inputs"]) == ("../model.onnx", "inputs.npz"), decision)
    check("the inputs lie beside it", (saved / "inputs.npz").exists())
    check("proven is what is in no doubt", decision["proven"] == (decision["doubt"] == ""), decision)
    elsewhere = folder / "checkout"
    shutil.copytree(saved, elsewhere / "chosen")
    shutil.copy(model, elsewhere)
    (elsewhere / "chosen/decision.json").write_text(json.dumps(decision | {"model_absolute": "/nowhere/model.onnx"}))
    code, out, err = eco("choose", "--check", elsewhere / "chosen/decision.json", "--seconds", 0.2, "--json", "--margin", 100)
    report = json.loads(out)
    held = code == 0 and report["holds"] is True
    check("a check elsewhere: it holds, or the machine is busy and that is said", held or (code == 1 and report["holds"] is None and report["not_checked"]), out + err)
    (elsewhere / "chosen/inputs.npz").unlink()
    code, _, err = eco("choose", "--check", elsewhere / "chosen/decision.json")
    check("inputs that are gone: 2", code == 2 and "inputs.npz" in err and "-i" in err, f"{code} {err}")
    changed(model, saved, decision)
    for engine in ("fake:wrong", "fake:crash"):
        (saved / "decision.json").write_text(json.dumps(decision | {"engine": engine}))
        code, out, err = eco(*checking)
        held, worse = json.loads(out)["holds"], json.loads(out)["regressions"]
        check(f"{engine}, once chosen, is a regression", code == 1 and held is False and engine in worse[0], f"{code} {out} {err}")
    code, out, err = eco("choose", "--check", saved / "decision.json", "--seconds", 0.2, "--lang", "zh")
    check("a check in Chinese", code == 1 and "该决定不再成立" in out and "失败" in out, f"{code} {out} {err}")
    (saved / "decision.json").write_text("{}")
    code, _, err = eco(*checking)
    check("a file that is no decision: 2", code == 2 and "decision.json" in err, f"{code} {err}")
    code, out, err = eco("choose", model, "--engines", "fake:wrong,fake:crash", "--threads", 1)
    check("nothing to recommend: 1", code == 1 and "nothing to recommend" in out, f"{code} {out} {err}")
    code, _, err = eco("choose", model, "--goal", "beauty")
    check("an unknown goal: 2, and the goals", code == 2 and "throughput" in err, f"{code} {err}")
    code, _, err = eco("choose", model, "--goal", "cost", "--engines", "fake")
    check("cost without a price: 2", code == 2 and "--price-per-hour" in err, f"{code} {err}")
    before_the_race(model, folder)
    for goal in ("throughput", "memory", "size", "startup", "cost"):
        code, out, err = eco("choose", model, "--engines", "onnxruntime,reference", "--goal", goal, "--price-per-hour", 0.1, "--out", folder / goal, *short)
        report = json.loads(out)
        check(f"goal {goal}", code == 0 and report["decision"]["goal"] == goal, f"{code} {err}")
        values = [r["value"] for r in report["ranking"]]
        check(f"goal {goal}: the best comes first", values == sorted(values, reverse=goal == "throughput"), values)
        if goal == "size":
            check("what needs no environment is the smallest", report["recommended"] == "reference", report["ranking"])
            files = sorted(f.name for f in (folder / goal).iterdir())
            kinds = {r["kind"] for r in report["reasons"] if "MB" in r["text"] or "installed" in r["text"]}
            check("sizes say where they are from", kinds == {"measured here", "cited"}, report["reasons"])
            check("an example comes with it", files == ["CMakeLists.txt", "decision.json", "inputs.npz", "main.cpp", "model.onnx"], files)


def changed(model, saved, decision):
    """A model that is not the one decided on is an outcome, without a race."""
    (saved / "decision.json").write_text(json.dumps(decision | {"engine": "fake:hang", "model_hash": "0" * 16}))
    code, out, err = eco("choose", "--check", saved / "decision.json", "--json")
    report = json.loads(out)
    check("a changed model: 1", code == 1 and report["holds"] is False and "decide anew" in report["regressions"][0] and report["rows"] == [], out + err)
    code, out, err = eco("choose", "--check", saved / "decision.json", "--lang", "zh")
    check("a changed model in Chinese", code == 1 and "请重新决定" in out, f"{code} {out} {err}")
    big = saved.parent / "big"
    big.mkdir()
    onnx.save(onnx.load(model), big / "big.onnx", save_as_external_data=True, location="big.weights", size_threshold=0)
    code, out, err = eco("choose", big / "big.onnx", "--engines", "fake", "--threads", 1, "--seconds", 0.2, "--out", big / "out")
    check("a model with weights in a file of their own", code == 0, f"{code} {out} {err}")
    weights = big / "big.weights"
    weights.write_bytes(np.float32(3).tobytes() + weights.read_bytes()[4:])
    code, out, err = eco("choose", "--check", big / "out/decision.json")
    check("changed weights are a changed model", code == 1 and "decide anew" in out, f"{code} {out} {err}")


def before_the_race(model, folder):
    """What can't be is refused before an engine is started: this one would hang."""
    decision = folder / "decision.json"  # is not even read
    hanging = (model, "--engines", "fake:hang", "--timeout", 60)
    for name, arguments, word in (
        ("several threads for one latency", [*hanging, "--threads", "1,2"], "threads"),
        ("several sizes for one latency", [*hanging, "--shape", "x=1,3,16,16", "--shape", "x=2,3,16,16"], "sizes"),
        ("a folder that can't be", [*hanging, "--out", model / "below"], "--out"),
        ("a decision that can't be written", [*hanging, "--out", "/proc"], "/proc"),
        ("a model's choice with a margin", [*hanging, "--margin", 1], "--margin"),
        ("a check with a goal", ["--check", decision, "--goal", "size"], "--goal"),
        ("a check with engines", ["--check", decision, "--engines", "fake"], "--engines"),
    ):
        start = time.monotonic()
        code, _, err = eco("choose", *arguments)
        check(f"{name}: 2, at once", code == 2 and word in err and time.monotonic() - start < 30, f"{code} {err}")
    check("nothing is made for a model that is none", eco("choose", folder / "absent.onnx", "--out", folder / "new")[0] == 2 and not (folder / "new").exists())


def main():
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        ENVIRONMENT["XDG_DATA_HOME"] = str(folder / "data")  # where what ran is recorded
        model = folder / "model.onnx"
        doubling(model, 1)
        doubling(folder / "any_batch.onnx", "batch")
        misbehaving(model)
        interrupting(model)
        usage(model, folder)
        choosing(model, folder)
    print(f"{COUNTS[True]} passed, {COUNTS[False]} failed")
    return 1 if COUNTS[False] else 0


if __name__ == "__main__":
    sys.exit(main())
