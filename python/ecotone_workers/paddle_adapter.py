"""PaddlePaddle's inference engine with its oneDNN kernels; ONNX gets to it through the makers' x2paddle."""

import os

import numpy as np
import paddle.inference as paddle

from ecotone_workers import adapter


def convert(path, folder, shapes, options):
    import onnx
    from x2paddle.convert import onnx2paddle

    from ecotone_workers import onnx_static

    facts = onnx_static.signature(onnx.load(path, load_external_data=False))
    model, changes = onnx_static.make_static(path, shapes)
    onnx.save(model, folder / "static.onnx")
    # It reports to its makers unless told not to.
    onnx2paddle(str(folder / "static.onnx"), str(folder / "paddle"), disable_feedback=True)
    (folder / "static.onnx").unlink()
    if not any((folder / "paddle" / "inference_model").glob("model.*")):
        raise ValueError("x2paddle made no model; its messages are above")
    return facts | {"changes": changes}


class Adapter(adapter.Adapter):
    packages = ("paddlepaddle", "x2paddle")

    def load(self, model):
        folder = self.converted(model, "converted by the makers' x2paddle") / "paddle" / "inference_model"
        program = next(p for p in (folder / "model.json", folder / "model.pdmodel") if p.exists())
        weights = folder / "model.pdiparams"
        self.artifacts = [weights, program]
        config = paddle.Config(str(program), str(weights))
        config.disable_gpu()
        config.enable_mkldnn()
        config.set_cpu_math_library_num_threads(self.threads or os.cpu_count())
        config.disable_glog_info()
        self.settings |= {"oneDNN": True}
        self.predictor = paddle.create_predictor(config)

    def inputs(self):
        return [i["name"] for i in self.facts["inputs"]]

    def outputs(self):
        return [o["name"] for o in self.facts["outputs"]]

    def prepare(self, arrays):
        names = self.predictor.get_input_names()
        return [(self.predictor.get_input_handle(n), np.ascontiguousarray(arrays[name])) for n, name in zip(names, self.inputs(), strict=True)]

    def run(self, inputs):
        for handle, array in inputs:
            handle.copy_from_cpu(array)
        self.predictor.run()
        return [self.predictor.get_output_handle(n).copy_to_cpu() for n in self.predictor.get_output_names()]

    def collect(self, outputs):
        return self.as_declared(outputs)
