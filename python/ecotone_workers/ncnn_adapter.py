"""ncnn, from files that its companion pnnx makes of ONNX. Sizes are fixed, batch 1."""

import importlib.util
import os
import subprocess
from pathlib import Path

import ncnn
import numpy as np

from ecotone_workers import adapter


def sums_as_means(model):
    """pnnx loses the axes of ReduceSum, which are an input of it, but not those of ReduceMean."""
    from onnx import helper, numpy_helper

    graph = model.graph
    constants = {i.name: i for i in graph.initializer}
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in [*graph.input, *graph.value_info]}
    nodes, count = [], 0
    for node in graph.node:
        given = constants.get(node.input[1]) if node.op_type == "ReduceSum" and len(node.input) > 1 else None
        axes = [int(a) for a in numpy_helper.to_array(given)] if given is not None else []
        if not axes or node.input[0] not in shapes:
            nodes.append(node)
            continue
        keep = next((a.i for a in node.attribute if a.name == "keepdims"), 1)
        size = float(np.prod([shapes[node.input[0]][a] for a in axes]))
        name = node.output[0]
        graph.initializer.append(numpy_helper.from_array(np.array(size, np.float32), name + ".size"))
        nodes += [helper.make_node("ReduceMean", node.input[:1], [name + ".mean"], axes=axes, keepdims=keep),
                  helper.make_node("Mul", [name + ".mean", name + ".size"], [name])]
        count += 1
    del graph.node[:]
    graph.node.extend(nodes)
    return [f"{count} ReduceSum written as ReduceMean times the size"] if count else []


def convert(path, folder, shapes, options):
    import onnx

    from ecotone_workers import onnx_static

    facts = onnx_static.signature(onnx.load(path, load_external_data=False))
    model, changes = onnx_static.make_static(path, shapes)
    through = onnx_static.hand_through(model)
    floats = onnx_static.float_inputs(model)
    changes += [f"outputs that are inputs are handed through by the adapter: {', '.join(through)}"] if through else []
    changes += [f"int64 taken as f32: {', '.join(floats)}"] if floats else []
    changes += sums_as_means(model)
    onnx.save(model, folder / "model.onnx")
    # The wheel's wrapper wants torch, the program inside it does not.
    program = Path(importlib.util.find_spec("pnnx").submodule_search_locations[0]) / "pnnx"
    names = {"float32": "f32", "int64": "i64", "int32": "i32", "bool": "b8"}
    sizes = ",".join(f"[{','.join(map(str, i['shape']))}]{names[i['dtype']]}" for i in onnx_static.signature(model)["inputs"])
    subprocess.run([program, "model.onnx", f"inputshape={sizes}", "fp16=0"], cwd=folder, check=True)
    for f in folder.glob("model*"):
        if ".ncnn." not in f.name:
            f.unlink()
    return facts | {"changes": changes, "through": through, "floats": floats}


class Adapter(adapter.Adapter):
    packages = ("ncnn", "pnnx")

    def load(self, model):
        folder = self.converted(model, "converted by the makers' pnnx, weights kept in f32")
        weights, program = folder / "model.ncnn.bin", folder / "model.ncnn.param"
        self.artifacts = [weights, program]
        self.net = ncnn.Net()
        self.net.opt.num_threads = self.threads or os.cpu_count()
        # f32 throughout: by default ncnn stores fp16.
        self.net.opt.use_fp16_packed = self.net.opt.use_fp16_storage = self.net.opt.use_fp16_arithmetic = False
        self.settings |= {"precision": "f32"}
        if self.net.load_param(str(program)) or self.net.load_model(str(weights)):
            raise ValueError("ncnn can't load what pnnx made; its messages are above")

    def inputs(self):
        return [i["name"] for i in self.facts["inputs"]]

    def outputs(self):
        return [o["name"] for o in self.facts["outputs"]]

    def prepare(self, arrays):
        self.given = arrays
        types = {name: np.float32 if name in self.facts["floats"] or arrays[name].dtype.kind == "f" else np.int32 for name in self.inputs()}
        return [ncnn.Mat(np.ascontiguousarray(arrays[name][0], dtype)).clone() for name, dtype in types.items()]

    def run(self, inputs):
        with self.net.create_extractor() as extractor:
            for i, mat in enumerate(inputs):
                extractor.input(f"in{i}", mat)
            return [extractor.extract(f"out{i}")[1] for i in range(len(self.facts["outputs"]) - len(self.facts["through"]))]

    def collect(self, outputs):
        return self.with_handed_through([np.array(o)[None] for o in outputs], self.given)
