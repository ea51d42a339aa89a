"""Adapters that drive other AI stacks through their own public Python packages."""

PROTOCOL = 1
