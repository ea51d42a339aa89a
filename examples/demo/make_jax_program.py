"""Writes jax_attention.mlir and jax_attention.npz beside this file. Needs jax; the demo itself does not.

The program: causal attention over four tokens' heads, and the gradient of its summed square by the queries.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np


def attention(q, k, v):
    scores = jnp.einsum("hqd,hkd->hqk", q, k) / np.sqrt(q.shape[-1])
    causal = jnp.tril(jnp.ones(scores.shape[-2:], bool))
    return jnp.einsum("hqk,hkd->hqd", jax.nn.softmax(jnp.where(causal, scores, -1e9)), v)


def program(q, k, v):
    return attention(q, k, v), jax.grad(lambda x: jnp.sum(attention(x, k, v) ** 2))(q)


def main():
    here = Path(__file__).parent
    random = np.random.default_rng(0)
    inputs = [random.standard_normal((2, 4, 8)).astype(np.float32) for _ in range(3)]
    (here / "jax_attention.mlir").write_text(jax.jit(program).lower(*inputs).as_text())
    outputs = jax.jit(program)(*inputs)
    named = {f"arg{i}": x for i, x in enumerate(inputs)} | {f"out{i}": np.asarray(x) for i, x in enumerate(outputs)}
    np.savez(here / "jax_attention.npz", **named)


if __name__ == "__main__":
    main()
