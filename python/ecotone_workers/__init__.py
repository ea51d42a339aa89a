"""Adapters that drive other AI stacks through their own public Python packages.

A worker is `python -m ecotone_workers MODULE`: JSON lines on stdin, one answer each on file descriptor 3. An adapter is a module with a class
Adapter(ecotone_workers.adapter.Adapter); docs/adding-an-engine.md has the protocol and what an adapter gives.
"""

import os

PROTOCOL = 1

# ONNX Runtime makes a device id and may report unless told not to before it is loaded; others (pnnx) have a copy of it inside.
os.environ |= {"ORT_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
