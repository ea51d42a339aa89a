"""Models as engines' converters made them, kept in the user's cache folder."""

import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT_BYTES = 10 << 30  # the entries that were not used for longest go first


def root():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "ecotone" / "engines"


def fingerprint(path):
    """Of a model's content. Weights in files beside it count by name, size and time."""
    digest = hashlib.sha256()
    external = False
    with open(path, "rb") as f:
        while block := f.read(1 << 22):
            digest.update(block)
            external = external or b"location" in block
    if external:
        for other in sorted(Path(path).absolute().parent.iterdir()):
            if other.is_file():
                digest.update(f"{other.name} {other.stat().st_size} {other.stat().st_mtime_ns}\n".encode())
    return digest.hexdigest()


def own_code(module):
    """The converter's own text belongs to the key: a changed converter makes other files."""
    files = [Path(__file__).with_name("onnx_static.py"), Path(importlib.util.find_spec(module).origin)]
    return hashlib.sha256(b"".join(f.read_bytes() for f in sorted(set(files)))).hexdigest()


def size(folder):
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def prune(keep):
    entries = sorted((e for e in root().iterdir() if e.is_dir() and e != keep), key=lambda e: e.stat().st_mtime, reverse=True)
    total = size(keep)
    for entry in entries:
        total += size(entry)
        if total > LIMIT_BYTES:
            shutil.rmtree(entry, ignore_errors=True)


def converted(module, path, shapes, options, versions):
    """The folder that `module`.convert filled for this model, and what it returned."""
    key = json.dumps([fingerprint(path), own_code(module), sorted(shapes.items()), sorted(options.items()), sorted(versions.items())])
    folder = root() / f"{module.rpartition('.')[2].removesuffix('_adapter')}-{hashlib.sha256(key.encode()).hexdigest()[:32]}"
    facts = folder / "ecotone.json"
    if not facts.exists():
        root().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root(), prefix=".making-", ignore_cleanup_errors=True) as work:
            target = Path(work) / "new"
            target.mkdir()
            start = time.perf_counter()
            run_converter(module, {"path": str(Path(path).absolute()), "folder": str(target), "shapes": shapes, "options": options})
            made = target / facts.name
            made.write_text(json.dumps(json.loads(made.read_text()) | {"convert_seconds": time.perf_counter() - start}))
            try:
                target.rename(folder)
            except OSError:  # another worker was faster
                if not facts.exists():
                    raise
        prune(folder)
    os.utime(folder)
    return folder, json.loads(facts.read_text())


def run_converter(module, request):
    # Some converters leave files in the current folder: let it be one that goes away.
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run([sys.executable, "-m", "ecotone_workers.convert", module, json.dumps(request)], cwd=scratch, stdin=subprocess.DEVNULL,
                              stdout=2, check=False)
    error = Path(request["folder"]) / "error.txt"
    if error.exists():
        raise RuntimeError("the model can't be converted: " + error.read_text())
    if done.returncode < 0:
        raise RuntimeError(f"the converter crashed: {signal.Signals(-done.returncode).name}")
    if done.returncode:
        raise RuntimeError(f"the converter ended with exit code {done.returncode}")
