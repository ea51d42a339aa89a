"""Runs {model} with Paddle Inference."""

import ecotone_example as example
import numpy as np
import paddle.inference as paddle

weights = example.folder / "{model}"
program = next(p for p in (weights.with_suffix(".json"), weights.with_suffix(".pdmodel")) if p.exists())
config = paddle.Config(str(program), str(weights))
config.disable_gpu()
config.enable_mkldnn()
config.set_cpu_math_library_num_threads(example.threads)
config.disable_glog_info()
predictor = paddle.create_predictor(config)
handles = [predictor.get_input_handle(name) for name in predictor.get_input_names()]
inputs = [np.ascontiguousarray(example.inputs[name]) for name in example.input_names]


def run():
    for handle, array in zip(handles, inputs, strict=True):
        handle.copy_from_cpu(array)
    predictor.run()
    return [predictor.get_output_handle(name).copy_to_cpu() for name in predictor.get_output_names()]


example.measure(run, example.as_declared)
