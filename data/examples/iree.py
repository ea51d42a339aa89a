"""Runs {model} with IREE."""

import os

import ecotone_example as example
import iree.runtime as ireert

driver = "local-sync" if example.threads == 1 else "local-task"
if driver == "local-task":
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: example.threads])  # it takes all processors that it may use
config = ireert.Config(driver)
module = ireert.load_vm_flatbuffer_file(str(example.folder / "{model}"), driver=driver)
function = module[next(n for n in module.vm_module.function_names if n != "__init" and not n.endswith("$async"))]
inputs = [ireert.asdevicearray(config.device, example.inputs[name]) for name in example.input_names]


def run():
    outputs = function(*inputs)
    return outputs if isinstance(outputs, (tuple, list)) else [outputs]


example.measure(run, lambda outputs: example.as_declared([o.to_host() for o in outputs]))
