"""Composites: `@op("ecotone.name")` functions from a dtype to cases, with NumPy, SciPy or JAX as the independent truth.

A composite that joins the op table and has no function here makes the suite fail, unless exceptions.txt gives a reason.
"""
