"""Runs an adapter's convert() in a process of its own: python -m ecotone_workers.convert MODULE REQUEST."""

import importlib
import json
import sys
from pathlib import Path


def main():
    module, request = sys.argv[1], json.loads(sys.argv[2])
    folder = Path(request["folder"])
    try:
        facts = importlib.import_module(module).convert(request["path"], folder, request["shapes"], request["options"])
    except Exception as error:  # whatever a converter throws becomes a message
        (folder / "error.txt").write_text(f"{type(error).__name__}: {error}")
        sys.exit(1)
    (folder / "ecotone.json").write_text(json.dumps(facts))


main()
