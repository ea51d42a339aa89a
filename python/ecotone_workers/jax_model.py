"""StableHLO at a precision, as the JAX adapter and its example compile it."""

from jax._src.lib.mlir import ir


def ask_for_f32(module):
    """Sets the precision of each product and convolution to HIGHEST, and takes away algorithms that say another: XLA's default for a GPU is TF32."""
    highest = ir.ArrayAttr.get([ir.Attribute.parse("#stablehlo<precision HIGHEST>")] * 2)

    def visit(operation):
        if operation.name in ("stablehlo.dot", "stablehlo.dot_general", "stablehlo.convolution", "stablehlo.dynamic_conv"):
            operation.attributes["precision_config"] = highest
            if "algorithm" in operation.attributes:
                del operation.attributes["algorithm"]
        return ir.WalkResult.ADVANCE

    module.operation.walk(visit)
