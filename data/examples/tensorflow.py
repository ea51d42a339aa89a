"""Runs {model} with TensorFlow."""

import os

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"}

import ecotone_example as example  # noqa: E402
import tensorflow as tf  # noqa: E402

tf.config.threading.set_intra_op_parallelism_threads(example.threads)
tf.config.threading.set_inter_op_parallelism_threads(1)
model = tf.saved_model.load(str((example.folder / "{model}").parent))
function = model.signatures["serving_default"]
inputs = {f"in{i}": tf.constant(example.inputs[name]) for i, name in enumerate(example.input_names)}
sizes = example.facts["computed"]  # outputs come flat


def run():
    return {name: o.numpy() for name, o in function(**inputs).items()}


example.measure(run, lambda outputs: example.with_handed_through([outputs[f"output_{i}"].reshape(s) for i, s in enumerate(sizes)]))
