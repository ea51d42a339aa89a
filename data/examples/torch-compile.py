"""Runs {model} with PyTorch's compiler, through onnx2torch."""

import ecotone_example as example
import torch
import torch_model

variant = "{variant:cpu}"
device = "cuda" if variant == "rocm" else variant.removesuffix("-f32")
if variant.endswith("-f32"):
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
torch.set_num_threads(example.threads)
module = torch_model.load(example.folder / "{model}")[0].to(device)
module = torch.compile(module, mode="default" if device == "cpu" else "reduce-overhead")
inputs = [torch.from_numpy(example.inputs[name]).to(device) for name in example.input_names]


@torch.inference_mode()
def run():
    outputs = module(*inputs)
    if device != "cpu":
        torch.accelerator.synchronize()
    return [outputs] if isinstance(outputs, torch.Tensor) else outputs


example.measure(run, lambda outputs: example.as_declared([o.cpu().numpy() for o in outputs]))
