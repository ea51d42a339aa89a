"""The list of engines, the worker protocol, and `eco engines`."""

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
from pathlib import Path

import numpy as np

ECO = os.environ["ECO"]
ROOT = Path(os.environ["ECOTONE_SOURCE_DIR"])
WORKERS = ROOT / "python/ecotone_workers"
FAKES = ROOT / "tests/engine/fake"
COUNTS = {True: 0, False: 0}
FROBNICATE = """
import os
import frobnicate
from ecotone_workers import adapter

class Adapter(adapter.Adapter):
    packages = ("frobnicate",)

    def __init__(self, threads, options):
        super().__init__(threads, options)
        if os.environ.get("BROKEN"):
            raise ValueError("broken")
"""


def check(name, good, why=""):
    COUNTS[bool(good)] += 1
    if not good:
        print(f"FAILED {name}: {why}")


def eco(*arguments, env=None, timeout=240):
    return subprocess.run([ECO, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, env=env)


class Worker:
    """The protocol, spoken from here."""

    def __init__(self, module, options=None, folder=None, threads=1):
        answers, theirs = os.pipe()
        env = os.environ | {"PYTHONPATH": f"{WORKERS.parent}:{FAKES}", "XDG_CACHE_HOME": str(folder or tempfile.gettempdir())}
        self.log = tempfile.TemporaryFile()
        command = ["bash", "-c", f'exec 3>&{theirs} "$@"', "bash", sys.executable, "-m", "ecotone_workers", module]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=self.log, stderr=self.log, env=env, pass_fds=[theirs])
        os.close(theirs)
        self.answers = os.fdopen(answers)
        self.hello = self.ask("hello", threads=threads, options=options or {})

    def ask(self, command, **fields):
        self.process.stdin.write(json.dumps({"command": command, **fields}).encode() + b"\n")
        self.process.stdin.flush()
        line = self.answers.readline()
        return json.loads(line) if line else {"ended": self.process.wait()}

    def end(self):
        self.process.stdin.close()
        return self.process.wait(20)


def registry():
    engines = tomllib.loads((WORKERS / "engines.toml").read_text())["engine"]
    names = [e["name"] for e in engines]
    check("names are unique", len(set(names)) == len(names), names)
    known = {p.stem for p in WORKERS.glob("*_adapter.py")}
    used = {f"{e.get('adapter', e['name'])}_adapter" for e in engines if not e.get("native")}
    check("each adapter has an engine, each engine an adapter", known == used, known ^ used)
    for e in engines:
        name = e["name"]
        for key in ("title", "maker", "about", "license", "formats", "from_onnx", "telemetry"):
            check(f"{name} tells {key}", e.get(key), e)
        if e.get("native"):
            continue
        requirements = e.get("requirements") or next(o for o in engines if o["name"] == e["environment"])["requirements"]
        bad = [r for r in requirements if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", r)]
        check(f"requirements of {name} are pinned", not bad, bad)
        plain = [re.split("==", r)[0].lower().replace("_", "-") for r in requirements]
        check(f"requirements of {name} are named once", len(set(plain)) == len(plain), plain)
        module = WORKERS / f"{e.get('adapter', name)}_adapter.py"
        text = module.read_text()
        check(f"{module.name} is a page", len(text.splitlines()) < 150, len(text.splitlines()))
        tree = ast.parse(text)
        check(f"{module.name} has an Adapter", any(isinstance(n, ast.ClassDef) and n.name == "Adapter" for n in tree.body))
        # What the adapter says is at work is what gets installed.
        adapter = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Adapter")
        packages = next((ast.literal_eval(n.value) for n in adapter.body if isinstance(n, ast.Assign) and n.targets[0].id == "packages"), ())
        lost = [p for p in packages if p.lower().replace("_", "-") not in plain]
        check(f"packages of {name} are required", not lost, lost)


def protocol(folder):
    x = folder / "x.npz"
    np.savez(x, x=np.arange(6, dtype=np.float32).reshape(2, 3))
    model = folder / "model.onnx"
    model.write_bytes(b"a model")
    load = {"model": str(model), "shapes": {"x": [2, 3]}}
    w = Worker("fake_adapter", {"seconds": "0.01"}, threads=2)
    check("hello", w.hello["ok"] and w.hello["version"] == "1.2.3" and w.hello["settings"]["threads"] == 2 and w.hello["variants"] == ["one", "two"], w.hello)
    loaded = w.ask("load", **load)
    check("load", loaded["ok"] and loaded["artifact_bytes"] == 7 and loaded["path"] == "reads the file itself" and loaded["changes"] == [], loaded)
    ran = w.ask("run", inputs=str(x), outputs=str(folder / "y.npz"), repeats=3)
    check("run", ran["ok"] and len(ran["seconds"]) == 3 and min(ran["seconds"]) >= 0.01 and ran["first_seconds"] >= 0.01, ran)
    check("peak memory", 10e6 < ran["peak_bytes"] < 500e6, ran["peak_bytes"])
    check("outputs", np.array_equal(np.load(folder / "y.npz")["y"], 2 * np.load(x)["x"]))
    timed = w.ask("time", inputs=str(x), seconds=0, min_runs=4, max_runs=10)
    check("time: as many runs as asked for", len(timed["latencies_s"]) == 4 and timed["cpu_seconds"] < sum(timed["latencies_s"]), timed)
    timed = w.ask("time", inputs=str(x), seconds=60, min_runs=1, max_runs=5)
    check("time: no more runs than asked for", len(timed["latencies_s"]) == 5, timed)
    timed = w.ask("time", inputs=str(x), seconds=1, min_runs=1, max_runs=1000)
    check("time: until the seconds are over", 2 < len(timed["latencies_s"]) <= 100, timed)
    described = w.ask("describe", placement=True)
    check("describe", described["inputs"] == ["x"] and described["outputs"] == ["y"] and described["placement"][0]["device"] == "CPU", described)
    check("unknown command", "frobnicate" in w.ask("frobnicate")["error"])
    check("bye", w.ask("bye")["ok"] and w.end() == 0)

    w = Worker("fake_adapter", {"fault": "print"})
    w.ask("load", **load)
    ran = w.ask("run", inputs=str(x), outputs=str(folder / "y.npz"))
    w.process.stdin.close()
    w.process.wait(20)
    w.log.seek(0)
    check("what an engine prints is a log", ran["ok"] and b"garbage" in w.log.read(), ran)
    w = Worker("fake_adapter", {"fault": "raise"})
    w.ask("load", **load)
    failed = w.ask("run", inputs=str(x), outputs=str(folder / "y.npz"))
    check("an exception is an answer", not failed["ok"] and failed["error"].startswith("ValueError: the fake raises"), failed)
    check("and not the end", w.ask("describe")["ok"] and w.end() == 0)
    w = Worker("fake_adapter", {"fault": "crash-load"})
    check("a crash ends the worker", w.ask("load", **load) == {"ended": -signal.SIGSEGV})
    w = Worker("fake_adapter", {"fault": "fallback"})
    w.ask("load", **load)
    check("fallbacks are told", w.ask("describe", placement=True)["fallbacks"] == ["double (Mul) runs elsewhere"])
    w.end()


def conversions(folder):
    """They run elsewhere, once for each model, and leave nothing behind when they fail."""
    model = folder / "model.onnx"
    model.write_bytes(b"a model")
    load = {"model": str(model), "shapes": {"x": [2, 3]}}
    cache = folder / "cache"
    entries = lambda: sorted(p for p in (cache / "ecotone/engines").glob("*"))  # noqa: E731

    def loaded(fault="none", **changed):
        w = Worker("fake_adapter", {"fault": f"{fault}-convert"}, cache)
        answer = w.ask("load", **load | changed)
        answer["worker"] = w.process.pid
        w.end()
        return answer

    first = loaded()
    check("converted", first["ok"] and first["changes"] == ["a change of the converter's"] and first["artifact_bytes"] == 4, first)
    check("one entry", len(entries()) == 1, entries())
    facts = json.loads((entries()[0] / "ecotone.json").read_text())
    check("by a process of its own", facts["pid"] != first["worker"], facts)
    again = loaded()
    check("the second time from the cache", again["ok"] and json.loads((entries()[0] / "ecotone.json").read_text()) == facts and len(entries()) == 1)
    loaded(shapes={"x": [4, 3]})
    check("other sizes are another entry", len(entries()) == 2, entries())
    model.write_bytes(b"b model")
    loaded()
    check("another model is another entry", len(entries()) == 3, entries())
    for fault, words in (("raise", "the fake raises"), ("crash", "the converter crashed: SIGSEGV"), ("exit", "exit code 3")):
        failed = loaded(fault)
        check(f"a converter that fails ({fault})", not failed["ok"] and words in failed["error"] and len(entries()) == 3, failed)


def faults(folder):
    """What `eco` makes of engines that fail."""
    env = os.environ | {"ECOTONE_ENGINES": str(FAKES / "engines.toml")}
    listed = json.loads(eco("engines", "--json", env=env).stdout)["engines"]
    check("one's own engines are listed", {"fake", "onnxruntime"} <= {e["name"] for e in listed})
    for fault, words in (
        ("raise-load", "the fake raises"), ("raise", "the fake raises"), ("crash-load", "crashed: Segmentation fault"),
        ("crash", "crashed: Segmentation fault"), ("exit", "exit code 3"), ("hang-load", "gave no answer within 5 s"), ("crash-convert", "SIGSEGV"),
        ("shape", "something else"),
    ):
        start = time.monotonic()
        done = eco("engines", "test", f"fake:{fault}", "--json", "--timeout", 5 if fault == "hang-load" else 60, env=env)
        row = json.loads(done.stdout)["engines"][0]
        check(f"test of fake:{fault}", done.returncode == 1 and not row["passed"] and words in row["reason"], f"{done.returncode} {row}")
        check(f"fake:{fault} takes no longer than it may", time.monotonic() - start < 60)
    for name in ("fake:crash-hello", "fake-missing"):
        done = eco("engines", "test", name, env=env)
        check(f"test of {name}", done.returncode == 3 and name in done.stdout, done.stdout + done.stderr)
    done = eco("engines", "test", "mnn:three", env=env)
    check("a variant of what has none", done.returncode == 3 and "mnn has no variants" in done.stderr, done.stderr)
    for text, words in (
        ("[[engine]]\nname = 'a'\nfrobnicate = 1", "no key 'frobnicate'"), ("[[engine]]\ntitle = 'a'", "wants a name"), ("a = 1", "no [[engine]]"),
        ("[[engine]]\nname = 'a'\nformats = 1", "type must be array"), ("[[engine]]\nname = 'jax'", "two of that name"),
        ("[[engine]]\nname = 'a'\nenvironment = '../a'", "environment '../a'"), ("[[engine", "bad.toml:1"),
    ):
        bad = folder / "bad.toml"
        bad.write_text(text)
        done = eco("engines", env=os.environ | {"ECOTONE_ENGINES": str(bad)})
        check(f"a bad list: {words}", done.returncode == 2 and words in done.stderr and "bad.toml" in done.stderr, done.stderr)


def working():
    """The engines of the tests' Python, on the small model."""
    names = ["onnxruntime", "onnxruntime:CPUExecutionProvider", "openvino", "openvino-f32", "jax", "onnx-reference", "opencv", "reference"]
    done = eco("engines", "test", *names, "--json", timeout=300)
    rows = {e["name"]: e for e in json.loads(done.stdout)["engines"]}
    check("engines work", done.returncode == 0 and list(rows) == names, f"{done.returncode} {done.stdout[:2000]}")
    # 27 products in f32, summed in any order.
    check("engines in f32 are as exact as f32", all(rows[n]["error"] < 1e-6 for n in names if n != "openvino"), rows)
    done = eco("engines", "test", "onnxruntime:FrobnicateExecutionProvider")
    check("a provider that is not there", done.returncode == 3 and "no FrobnicateExecutionProvider" in done.stdout, done.stdout + done.stderr)
    table = eco("engines")
    check("the table", table.returncode == 0 and all(w in table.stdout for w in ("onnxruntime", "Microsoft", "built in", "1.32.0")), table.stdout)


def wheel(folder, version):
    with zipfile.ZipFile(folder / f"frobnicate-{version}-py3-none-any.whl", "w") as z:
        z.writestr("frobnicate.py", f"VERSION = {version!r}\ndef main(): print(VERSION)\n")
        z.writestr(f"frobnicate-{version}.dist-info/entry_points.txt", "[console_scripts]\nfrobnicate = frobnicate:main\n")
        z.writestr(f"frobnicate-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: frobnicate\nVersion: {version}\n")
        z.writestr(f"frobnicate-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr(f"frobnicate-{version}.dist-info/RECORD", "")


def installing(folder):
    """add and remove, with a package of our own making and no network."""
    wheels = folder / "wheels"
    wheels.mkdir()
    wheel(wheels, "1.0")
    wheel(wheels, "2.0")
    (folder / "frobnicate_adapter.py").write_text(FROBNICATE)

    def write(version, megabytes=1):
        (folder / "engines.toml").write_text(f"[[engine]]\nname = 'frobnicate'\nmegabytes = {megabytes}\nrequirements = ['frobnicate=={version}']\n")

    data = folder / "data"
    env = {k: v for k, v in os.environ.items() if k not in ("ECOTONE_PYTHON", "PYTHONPATH")}
    env |= {"XDG_DATA_HOME": str(data), "ECOTONE_ENGINES": str(folder / "engines.toml"), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    place = data / "ecotone/engines/frobnicate"
    left = lambda: sorted(p.name for p in place.parent.glob("*"))  # noqa: E731
    version = lambda: {e["name"]: e for e in json.loads(eco("engines", "--json", env=env).stdout)["engines"]}["frobnicate"].get("version")  # noqa: E731

    write("9.9")
    done = eco("engines", "add", "frobnicate", env=env)
    check("a requirement that is not to be had", done.returncode == 3 and "frobnicate==9.9" in done.stderr and left() == [], done.stderr)
    write("1.0", megabytes=10**9)
    done = eco("engines", "add", "frobnicate", env=env)
    check("no space", done.returncode == 2 and "XDG_DATA_HOME" in done.stderr and left() == [], done.stderr)
    write("1.0")
    done = eco("engines", "add", "frobnicate", env=env | {"BROKEN": "1"})
    check("an engine that does not start is not kept", done.returncode == 3 and "broken" in done.stderr and left() == [], f"{done.stderr} {left()}")
    interrupted = subprocess.Popen([ECO, "engines", "add", "frobnicate"], env=env, stderr=subprocess.PIPE, text=True)
    while interrupted.poll() is None and not list(place.parent.glob(".adding-*/new/pyvenv.cfg")):
        time.sleep(0.02)
    interrupted.send_signal(signal.SIGINT)
    check("interrupted", interrupted.wait(60) != 0 and left() == [], f"{interrupted.stderr.read()} {left()}")
    done = eco("engines", "add", "frobnicate", env=env)
    check("add", done.returncode == 0 and left() == ["frobnicate"] and version() == "1.0", f"{done.stderr} {left()}")
    script = subprocess.run([place / "bin/frobnicate"], capture_output=True, text=True, check=False)
    check("its programs start", script.stdout == "1.0\n", script.stderr)
    check("its scripts name no folder that is gone", not [p for p in (place / "bin").glob("activate*") if ".adding" in p.read_text()])
    write("2.0")
    done = eco("engines", "add", "frobnicate", env=env | {"BROKEN": "1"})
    check("what was there stays when the new one fails", done.returncode == 3 and left() == ["frobnicate"] and version() == "1.0", done.stderr)
    done = eco("engines", "add", "frobnicate", env=env)
    check("add anew", done.returncode == 0 and left() == ["frobnicate"] and version() == "2.0", done.stderr)
    requirements = folder / "mine.txt"
    requirements.write_text("frobnicate==1.0\n")
    done = eco("engines", "add", "frobnicate", "--from", requirements, env=env)
    check("add --from", done.returncode == 0 and version() == "1.0", done.stderr)
    done = eco("engines", "add", "frobnicate", "--from", folder / "none.txt", env=env)
    check("add --from nothing", done.returncode == 2 and "none.txt" in done.stderr and version() == "1.0", done.stderr)
    done = eco("engines", "add", "frobnicate", env=env | {"ECOTONE_PYTHON": sys.executable})
    check("add with ECOTONE_PYTHON", done.returncode == 2 and "ECOTONE_PYTHON" in done.stderr, done.stderr)
    done = eco("engines", "remove", "frobnicate", env=env)
    check("remove", done.returncode == 0 and left() == [] and version() is None, done.stderr)
    done = eco("engines", "remove", "frobnicate", env=env)
    check("remove what is not there", done.returncode == 2 and "not installed" in done.stderr, done.stderr)
    done = eco("engines", "add", "frobnicated", env=env)
    check("add what there is not", done.returncode == 3 and "onnxruntime" in done.stderr, done.stderr)


def interrupting():
    """Ctrl-C while engines are asked: no list that calls them missing."""
    with subprocess.Popen([ECO, "doctor", "--no-measure"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(0.7)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    check("Ctrl-C ends doctor with 130", process.returncode == 130 and "engine" not in out and "interrupted" in err, f"{process.returncode} {out} {err}")


def main():
    registry()
    for part in (protocol, conversions, faults, installing):
        folder = Path(tempfile.mkdtemp())
        try:
            part(folder)
        finally:
            shutil.rmtree(folder)
    working()
    interrupting()
    print(f"{COUNTS[True]} passed, {COUNTS[False]} failed")
    return 1 if COUNTS[False] else 0


if __name__ == "__main__":
    sys.exit(main())
