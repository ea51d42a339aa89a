"""`eco verify` on conformance files, whose values NumPy and JAX computed, and on a program with arguments against JAX."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

FILES = Path(__file__).parent / "conformance"
# Function and check of what must fail in failing.mlir, in order.
MUST_FAIL = [
    ("one_element_off", "check.expect_eq_const"),
    ("beyond_the_tolerance", "check.expect_almost_eq_const"),
    ("beyond_the_tolerance", "check.expect_close"),
    ("beyond_the_tolerance", "check.expect_close"),
    ("nan_is_almost_equal_alone", "check.expect_eq"),
]
WITH_ARGUMENTS = """
func.func @main(%x: tensor<4x8xf32>, %w: tensor<8x3xbf16>, %i: tensor<2xi32>) -> (tensor<4x3xf32>, tensor<2xi32>) {
  %v = stablehlo.convert %w : (tensor<8x3xbf16>) -> tensor<8x3xf32>
  %d = stablehlo.dot_general %x, %v, contracting_dims = [1] x [0] : (tensor<4x8xf32>, tensor<8x3xf32>) -> tensor<4x3xf32>
  %t = stablehlo.tanh %d : tensor<4x3xf32>
  %j = stablehlo.add %i, %i : tensor<2xi32>
  func.return %t, %j : tensor<4x3xf32>, tensor<2xi32>
}
"""


def verify(*arguments):
    done = subprocess.run([os.environ["ECO"], "verify", *map(str, arguments), "--json"], capture_output=True, text=True, timeout=200)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def main():
    failures, passed = [], 0

    def expect(condition, message):
        nonlocal passed
        passed += bool(condition)
        if not condition:
            failures.append(message)

    for name, count in {"elementwise": 7, "shapes": 5, "reductions": 4, "control": 3}.items():
        code, report, errors = verify(FILES / f"{name}.mlir")
        bad = [c for c in report.get("checks", []) if not c["passed"]]
        held = sum(c["passed"] for c in report.get("checks", []))
        expect(code == 0 and report.get("passed") and held == count, f"{name}: exit {code}, {held} of {count} hold, {bad} {errors}")
    code, report, errors = verify(FILES / "failing.mlir")
    found = [(c["function"], c["check"]) for c in report.get("checks", []) if not c["passed"]]
    expect(code == 1 and not report.get("passed"), f"failing: exit {code} {errors}")
    expect(found == MUST_FAIL, f"failing: {found} fail")
    expect(len(report.get("checks", [])) == 8, f"failing: {len(report.get('checks', []))} checks")

    with tempfile.TemporaryDirectory() as folder:
        broken = Path(folder) / "broken.mlir"
        broken.write_text('func.func @f() {\n  %x = stablehlo.constant dense<1> : tensor<i32>\n  check.expect_eq %x, %y : tensor<i32>\n  return\n}\n')
        code, _, errors = verify(broken)
        expect(code == 2 and f"{broken}:3:" in errors, f"broken: exit {code}: {errors}")
        program = Path(folder) / "program.mlir"
        program.write_text(WITH_ARGUMENTS)
        code, report, errors = verify(program)
        expect(code == 0 and len(report.get("outputs", [])) == 2 and report["theirs"]["name"] == "jax", f"against JAX: exit {code}: {errors} {report}")
    for message in failures:
        print(f"FAIL {message}")
    print(f"{passed} passed, {len(failures)} failed")
    sys.exit(bool(failures))


main()
