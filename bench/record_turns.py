"""Records what tests/engine/statistics_test.cpp replays: two processes of the same engine timed in turns, so that any difference is the machine's.

    build/venv/bin/python bench/record_turns.py > tests/engine/recorded_turns.jsonl

Wants an idle machine; a recording during which others worked is made again.
"""

import json
import subprocess
import sys

from reference import ECO, MODELS, PACKAGES

ENGINES = ("onnxruntime", "openvino-f32")
TRIES = 3


def record(name, path, shapes, engine, threads):
    sizes = [word for key, shape in shapes.items() for word in ("--shape", f"{key}=" + ",".join(map(str, shape)))]
    command = [ECO, "-q", "compare", PACKAGES / path, *sizes, "--engines", f"{engine},{engine}", "--threads", str(threads), "--seconds", "60", "--json"]
    for _ in range(TRIES):
        report = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout)
        noise = report["cases"][0]["noise"]
        print(name, engine, threads, [row["verdict"] for row in report["rows"]], noise, file=sys.stderr, flush=True)
        if not noise["verdict"] and all("turns_ms" in row for row in report["rows"]):
            turns = [[round(t, 6) for t in row["turns_ms"]] for row in report["rows"]]
            return {"model": name, "engine": report["rows"][0]["engine"] + " " + report["rows"][0]["version"], "threads": threads,
                    "cpu": report["machine"]["cpu"], "date": report["date"], "first_ms": turns[0], "second_ms": turns[1]}
    sys.exit(f"{name}: the machine is too busy, or {engine} does not run")


def main():
    for name, path, shapes in MODELS[1:]:
        for engine in ENGINES:
            for threads in (1, 2) if "OCR" in name else (1,):
                print(json.dumps(record(name, path, shapes, engine, threads), separators=(",", ":")), flush=True)


if __name__ == "__main__":
    main()
