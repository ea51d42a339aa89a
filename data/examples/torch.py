"""Runs {model} with PyTorch, through onnx2torch."""

import ecotone_example as example
import onnx2torch
import torch

torch.set_num_threads(example.threads)
module = onnx2torch.convert(example.folder / "{model}").eval()
inputs = [torch.from_numpy(example.inputs[name]) for name in example.input_names]


@torch.inference_mode()
def run():
    outputs = module(*inputs)
    return [outputs] if isinstance(outputs, torch.Tensor) else outputs


example.measure(run, lambda outputs: example.as_declared([o.numpy() for o in outputs]))
