"""Exchange between processes: of one alone it moves what it is given; types follow the groups; more processes, and transfers,
are refused when evaluated."""

import formats
import numpy as np
from suite import TOKEN, Case, T, op, reducer, rng_of

ONE, TWO = {"replica_groups": [[0]]}, {"replica_groups": [[0, 1], [3, 2]]}


def tensor(d: str, shape, name: str) -> T:
    rng = rng_of(name, d)
    return T(d, rng.choice(formats.pool(d, rng), shape))


def reduction(d: str) -> dict:
    return reducer("or" if d == "i1" else "add", d)


def blank(d: str, *shape: int) -> T:
    """A result of which only the type counts."""
    return T(d, np.zeros(shape, formats.wide_dtype(d)))


@op("stablehlo.all_gather", "stablehlo.all_to_all")
def gather(d: str, name: str):
    x, y = tensor(d, (4, 2), name), tensor(d, (2, 6, 1), name)
    swaps = name == "stablehlo.all_to_all"
    two = TWO | {"dimension": 0} | ({"concat_dimension": 1} if swaps else {})
    cases = [Case("alone", [x], [x], ONE), Case("two operands", [x, y], [x, y], ONE | {"dimension": 1}), Case("padded group", [x], [x], {"replica_groups": [[0], [-1]]}),
             Case("size alone", [x], [x], {"group_size": 1}),
             Case("two processes", [x], [blank(d, 2, 4) if swaps else blank(d, 8, 2)], two, refuses="evaluation", message="process 1 is named"),
             Case("no size", [x], [], {}, refuses="types", message="the size of a group must be given"),
             Case("twice", [x], [], {"replica_groups": [[0, 0]]}, refuses="types", message="name the process 0 twice"),
             Case("lengths", [x], [], {"replica_groups": [[0], [1, 2]]}, refuses="types", message="different lengths"),
             Case("dimension", [x], [], ONE | {"dimension": 2}, refuses="types", message="dimension 2 is not in")]
    if swaps:
        cases.append(Case("uneven", [x], [], ONE | {"group_size": 3}, refuses="types", message="cut in equal parts"))
        cases.append(Case("four processes", [x], [blank(d, 1, 8)], ONE | {"group_size": 4, "concat_dimension": 1}, refuses="evaluation", message="a group has 4 processes"))
    return cases


@op("stablehlo.all_reduce", "stablehlo.reduce_scatter")
def all_reduce(d: str, name: str):
    x, y = tensor(d, (4, 2), name), tensor(d, (3,), name)
    scatters = name == "stablehlo.reduce_scatter"
    cases = [Case("alone", [x], [x], ONE, [reduction(d)]), Case("others' groups", [x], [], {"replica_groups": [[0, 1, 0]]}, [reduction(d)], refuses="types", message="twice"),
             Case("two processes", [x], [blank(d, 2, 2) if scatters else blank(d, 4, 2)], TWO, [reduction(d)], refuses="evaluation", message="process 1 is named"),
             Case("no region", [x], [], ONE, refuses="types", message="wants 1 regions"),
             Case("region's type", [x], [], ONE, [reduction("f32" if d != "f32" else "f64")], refuses="types", message="must combine scalars")]
    if not scatters:
        cases += [Case("two operands", [x, y], [x, y], ONE, [reduction(d)]), Case("no groups", [x], [x], {}, [reduction(d)])]
    return cases


@op("stablehlo.collective_broadcast")
def collective_broadcast(d: str):
    x = tensor(d, (3, 2), "collective_broadcast")
    return [Case("alone", [x], [x], ONE), Case("in no group", [x], [blank(d, 3, 2)], {"replica_groups": [[-1]]}),
            Case("two processes", [x], [blank(d, 3, 2)], TWO, refuses="evaluation", message="process 1 is named"),
            Case("two operands", [x, x], [], ONE, refuses="types", message="wants 1 operands")]


@op("stablehlo.collective_permute")
def collective_permute(d: str):
    x = tensor(d, (3, 2), "collective_permute")
    return [Case("to itself", [x], [x], {"source_target_pairs": [[0, 0]]}), Case("nobody's target", [x], [blank(d, 3, 2)], {"source_target_pairs": []}),
            Case("two processes", [x], [blank(d, 3, 2)], {"source_target_pairs": [[0, 1]]}, refuses="evaluation", message="process 1 is named"),
            Case("two targets", [x], [], {"source_target_pairs": [[0, 1], [0, 2]]}, refuses="types", message="source of two pairs"),
            Case("no pair", [x], [], {"source_target_pairs": [[0]]}, refuses="types", message="must hold pairs")]


@op("stablehlo.partition_id", "stablehlo.replica_id")
def process_id(d: str, name: str):
    return [Case("alone", [], [T(d, np.array(0))])]


@op("stablehlo.infeed", "stablehlo.recv")
def take(d: str, name: str):
    attributes = {"results": [{"type": {"d": d, "s": [2, 3]}}, {"type": {"d": "i32", "s": []}}]}
    return [Case("two", [TOKEN], [blank(d, 2, 3), blank("i32"), TOKEN], attributes, refuses="evaluation", message="can't be evaluated"),
            Case("no token", [tensor(d, (2,), name)], [], attributes, refuses="types", message="the last operand must be a token")]


@op("stablehlo.outfeed", "stablehlo.send")
def give(d: str, name: str):
    x = tensor(d, (2, 3), name)
    return [Case("two", [x, x, TOKEN], [TOKEN], refuses="evaluation", message="can't be evaluated"),
            Case("no token", [x], [], refuses="types", message="the last operand must be a token"),
            Case("two tokens", [x, TOKEN, TOKEN], [], refuses="types", message="only the last operand may be a token")]
