"""TensorFlow on the CPU (oneDNN kernels on); ONNX gets to it through onnx2tf, as a SavedModel."""

import os

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"}

import tensorflow as tf  # noqa: E402

from ecotone_workers import adapter  # noqa: E402


class Adapter(adapter.Adapter):
    packages = ("tensorflow-cpu", "onnx2tf")

    def __init__(self, threads, options):
        super().__init__(threads, options)
        if threads:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        self.settings |= {"inter_op_threads": 1, "mode": "concrete function"}

    def load(self, model):
        folder = self.converted(model, "converted by onnx2tf", "ecotone_workers.tflite_conversion", ("onnx2tf", "tensorflow-cpu"))
        saved = folder / "saved_model"
        self.artifacts = [saved / "saved_model.pb", *(saved / "variables").glob("*")]
        self.model = tf.saved_model.load(str(saved))
        self.function = self.model.signatures["serving_default"]

    def inputs(self):
        return [i["name"] for i in self.facts["inputs"]]

    def outputs(self):
        return [o["name"] for o in self.facts["outputs"]]

    def prepare(self, arrays):
        self.given = arrays
        return {f"in{i}": tf.constant(arrays[name]) for i, name in enumerate(self.inputs())}

    def run(self, inputs):
        return {name: o.numpy() for name, o in self.function(**inputs).items()}

    def collect(self, outputs):
        computed = [outputs[f"output_{i}"].reshape(shape) for i, shape in enumerate(self.facts["computed"])]
        return self.with_handed_through(computed, self.given)
