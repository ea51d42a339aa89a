"""A function written in JAX, exported as StableHLO text and run by `eco`: random points (threefry), a loss, its gradient, a loop."""

import jax
import jax.numpy as jnp
import numpy as np

TRUE = np.array([1.0, -2.0, 0.5], np.float32)  # of 1 - 2 x + x^2 / 2
STEPS = 200


def fit(seed):
    """Fits a parabola to 64 noisy points by gradient descent; returns the coefficients and each step's loss."""
    key_x, key_noise = jax.random.split(jax.random.PRNGKey(seed))
    x = jax.random.uniform(key_x, (64,), minval=-1.5, maxval=1.5)
    powers = jnp.stack([jnp.ones_like(x), x, x * x], axis=1)
    y = powers @ TRUE + 0.05 * jax.random.normal(key_noise, (64,))

    def loss(c):
        return jnp.mean((powers @ c - y) ** 2)

    def step(c, _):
        value, gradient = jax.value_and_grad(loss)(c)
        return c - 0.3 * gradient, value

    return jax.lax.scan(step, jnp.zeros(3), length=STEPS)


def export(path):
    """Writes the StableHLO text of `fit` to `path`; returns the input and what JAX itself computes from it."""
    seed = np.int32(7)
    text = jax.jit(fit).lower(seed).as_text()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return {"arg0": np.asarray(seed)}, [np.asarray(value) for value in jax.jit(fit)(seed)], text


def run(model, inputs, wanted, text):
    outputs = model.run(inputs)
    coefficients, losses = (outputs[f"out{i}"] for i in range(2))
    difference = max(float(np.max(np.abs(outputs[f"out{i}"] - w))) for i, w in enumerate(wanted))
    lines = [
        f"  {text.count(chr(10))} lines of StableHLO: 64 random points, {STEPS} steps of gradient descent on a parabola",
        "  found " + ", ".join(f"{c:+.3f}" for c in coefficients) + "  (JAX: " + ", ".join(f"{c:+.3f}" for c in wanted[0])
        + "; the points were made with " + ", ".join(f"{c:+.1f}" for c in TRUE) + ")",
        f"  loss {losses[0]:.3f} -> {losses[-1]:.5f}; largest difference from JAX {difference:.2g}",
    ]
    # 0.05 noise on 64 points leaves each coefficient within some 0.03 of the truth; JAX sums in another order: some 1e-6.
    right = bool(np.max(np.abs(coefficients - TRUE)) < 0.05 and difference < 1e-4)
    return {"coefficients": coefficients.tolist(), "jax": wanted[0].tolist(), "difference": difference, "right": right}, lines
