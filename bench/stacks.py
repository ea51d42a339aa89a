"""Every installed engine on the demo's models and the onnx package's light models (seeded weights): `eco compare` for each, then one table and one page.

    build/venv/bin/python bench/stacks.py            writes docs/stacks.md and docs/stacks.html
    build/venv/bin/python bench/stacks.py --models magika,squeezenet --engines onnxruntime,openvino --out build/stacks

The report of each model is kept in build/stacks/; one that is there is taken as it is, unless --again is given. Wants an idle machine, and some
minutes a model. Engines whose converter takes minutes for each of the light models are left out there, unless --engines names them.
"""

import argparse
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import onnx
from reference import ECO, MODELS, PACKAGES, PICTURE, ROOT

sys.path.insert(0, str(ROOT / "tests/models"))
import seeded  # noqa: E402

REPORTS = ROOT / "build/stacks"
LARGE = {"bvlc_alexnet", "vgg19", "zfnet512"}  # more than 200 MB; last
# Their converter takes minutes for each of the light models.
SLOW_TO_LOAD = {"litert", "tensorflow"}
TOO_SLOW = {("vgg19", "tvm")}  # untuned it takes most of a minute for a run


# Noise is no picture: the detector finds nothing in it, and what is left of its outputs is rounding.
PICTURE_OPTIONS = ["-i", str(PICTURE), "--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"]


def demo_models():
    """Each model's path, and the options that give its inputs."""
    sizes = {name: [word for key, shape in shapes.items() for word in ("--shape", f"{key}=" + ",".join(map(str, shape)))] for name, _, shapes in MODELS}
    return {name: (PACKAGES / path, sizes[name] + (PICTURE_OPTIONS if "detection" in name else [])) for name, path, _ in MODELS}


def light_path(name):
    path = REPORTS / f"{name}.onnx"
    if not path.exists():
        onnx.save(seeded.light_model(name), path)
    return path


def installed():
    """The engines that run here. Ecotone's own evaluator is what all are measured against."""
    listed = json.loads(subprocess.run([ECO, "engines", "--json"], check=True, stdout=subprocess.PIPE).stdout)["engines"]
    return [e["name"] for e in listed if e.get("installed") and e["name"] != "reference"]


def without_places(text):
    """A report to be published names no folder of the machine that made it."""
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local/share")
    for folder, name in ((str(PACKAGES), "site-packages"), (str(ROOT), "."), (data, "~/.local/share"), (str(Path.home()), "~")):
        text = text.replace(folder, name)
    return text


def compare(name, path, given, engines, options):
    report = REPORTS / f"{name.replace(' ', '_').replace(',', '')}.json"
    if report.exists() and not options.again:
        return report
    print(f"{name} ...", file=sys.stderr, flush=True)
    done = subprocess.run([ECO, "compare", path, *given, "--engines", ",".join(engines), "--threads", str(options.threads), "--seconds", str(options.seconds),
                           "--timeout", str(options.timeout), "--json"], stdout=subprocess.PIPE, text=True, check=False)
    if not done.stdout or done.returncode == 130:
        sys.exit(f"{name}: eco compare ended with {done.returncode}")
    report.write_text(without_places(done.stdout), encoding="utf-8")
    return report


def cell(row):
    if row is None:
        return ""
    if row["status"] == "failed":
        return "failed"
    if row["status"] != "timed":
        return f"off by {row['max_error']:.1g}" if isinstance(row.get("max_error"), float) else "disagrees"
    p50 = row["latency_ms"]["p50"]
    text = f"{p50:.3g}" if p50 < 100 else f"{p50:.0f}"
    kind = row["outcome"]["kind"]
    return f"**{text}**" if kind in ("wins", "alone", "tie") else text


def table(reports, engines):
    names = list(reports)
    yield "| engine | " + " | ".join(names) + " |"
    yield "| --- |" + " ---: |" * len(names)
    for engine in engines:
        rows = [next((r for r in reports[n]["rows"] if r["engine"] == engine), None) for n in names]
        yield f"| {engine} {next((r['version'] for r in rows if r and r['version']), '')} | " + " | ".join(map(cell, rows)) + " |"


def reasons(reports, engines):
    for engine in engines:
        said = {}
        for name, report in reports.items():
            for row in report["rows"]:
                if row["engine"] == engine and row["status"] != "timed":
                    said.setdefault(textwrap.shorten(row["verdict"].split("\n")[0], 240, placeholder=" …"), []).append(name)
        for why, models in said.items():
            yield f"- {engine}, {', '.join(models)}: {why}"


def document(reports, engines, page, left):
    first = next(iter(reports.values()))
    machine = first["machine"]
    noisy = [f"{name}: {report['cases'][0]['noise']['verdict']}" for name, report in reports.items() if report["cases"][0]["noise"]["verdict"]]
    agree = sum(r["status"] == "timed" for report in reports.values() for r in report["rows"])
    disagree = sum(r["status"] == "disagrees" for report in reports.values() for r in report["rows"])
    rows = sum(len(report["rows"]) for report in reports.values())
    lines = [
        "# Every engine on every model",
        "",
        f"Median milliseconds of a run on {machine['cpu']} ({machine['processors_usable']} processors, {', '.join(machine['units'])}), "
        f"{first['cases'][0]['threads']} thread, {first['date'][:10]}. **Bold**: the fastest, and what ties with it; none is bold where the first two "
        "could not be told apart. "
        "Each engine ran in a process of its own, in turns with the others, at its makers' recommended settings; only engines whose outputs agree "
        "with the exact result within 1e-3 (or are as right as the model's own types allow) are timed. Inputs are seeded, but for the detector's, a picture; "
        "the light models' weights are seeded too.",
        "",
        f"Of {rows} pairs of a model and an engine, {agree} agree, {disagree} do not, and {rows - agree - disagree} did not run. "
        f"[The page]({page.name}) has errors, memory, load times, placement and settings; [what is behind the figures](comparing.md).",
        "",
        *table(reports, engines),
        "",
        f"An empty cell was not tried: converting each of the light models for {' and '.join(sorted(SLOW_TO_LOAD))} takes minutes, and "
        + ", ".join(f"{engine} most of a minute for a run of {name}" for name, engine in sorted(TOO_SLOW)) + ".",
        "",
        "Not timed, and why:",
        "",
        *reasons(reports, engines),
        "",
    ]
    if left:
        lines += [f"Not here yet: {', '.join(left)}.", ""]
    if noisy:
        lines += ["Not comparable, since the machine was not quiet:", "", *(f"- {n}" for n in noisy), ""]
    lines += ["Once more on your machine, with the engines that `eco engines` lists:", "", "```sh", "build/venv/bin/python bench/stacks.py", "```", ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", type=lambda s: s.split(","), help="a,b,... (default: all that are installed)")
    parser.add_argument("--models", type=lambda s: s.split(","), help="names, or parts of them (default: all)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3, help="for which each engine is timed, about (3)")
    parser.add_argument("--timeout", type=float, default=400, help="seconds that an engine may take to convert or to answer (400)")
    parser.add_argument("--again", action="store_true", help="measure anew")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/stacks", help="where .md and .html go (docs/stacks)")
    options = parser.parse_args()

    REPORTS.mkdir(parents=True, exist_ok=True)
    os.chdir(ROOT)
    engines = options.engines or installed()
    wanted = every = demo_models() | {name: (None, []) for name in sorted(seeded.NAMES, key=lambda n: (n in LARGE, n))}
    if options.models:
        wanted = {n: w for n, w in wanted.items() if any(m in n for m in options.models)}
    reports = {}
    for name, (path, given) in wanted.items():
        mine = [e for e in engines if path or options.engines or (e not in SLOW_TO_LOAD and (name, e) not in TOO_SLOW)]
        reports[name] = compare(name, path or light_path(name), given, mine, options)
    page = options.out.with_suffix(".html")
    subprocess.run([ECO, "-q", "report", *reports.values(), "--html", page], check=True, stdout=subprocess.DEVNULL)
    reports = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in reports.items()}
    options.out.with_suffix(".md").write_text(document(reports, engines, page, [n for n in every if n not in reports]), encoding="utf-8")
    print(f"wrote {options.out.with_suffix('.md')} and {page}")


if __name__ == "__main__":
    main()
