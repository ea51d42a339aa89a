"""Runs {model} with ncnn."""

import ecotone_example as example
import ncnn
import numpy as np

net = ncnn.Net()
net.opt.num_threads = example.threads
net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False  # f32 throughout
if net.load_param(str(example.folder / "model.ncnn.param")) or net.load_model(str(example.folder / "{model}")):
    raise SystemExit("ncnn can't load the model")
count = len(example.output_names) - len(example.facts["through"])
floats = {name for name in example.input_names if name in example.facts["floats"] or example.inputs[name].dtype.kind == "f"}
types = {name: np.float32 if name in floats else np.int32 for name in example.input_names}
mats = [ncnn.Mat(np.ascontiguousarray(example.inputs[name][0], dtype)).clone() for name, dtype in types.items()]


def run():
    with net.create_extractor() as extractor:
        for i, mat in enumerate(mats):
            extractor.input(f"in{i}", mat)
        return [extractor.extract(f"out{i}")[1] for i in range(count)]


example.measure(run, lambda outputs: example.with_handed_through([np.array(o)[None] for o in outputs]))
