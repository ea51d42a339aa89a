"""OpenCV's dnn module with its new graph engine (the classic one takes no open sizes)."""

import cv2
import numpy as np

from ecotone_workers import adapter


class Adapter(adapter.Adapter):
    packages = ("opencv-python-headless",)

    def load(self, model):
        if self.threads:
            cv2.setNumThreads(self.threads)
        self.settings |= {"engine": "ENGINE_NEW", "threads": cv2.getNumThreads()}
        self.net = cv2.dnn.readNetFromONNX(model.path, cv2.dnn.ENGINE_NEW)
        self.output_names = list(self.net.getUnconnectedOutLayersNames())
        self.input_names = list(model.shapes)  # the module does not tell them

    def inputs(self):
        return self.input_names

    def outputs(self):
        return self.output_names

    def prepare(self, arrays):
        self.input_names = list(arrays)
        return [(name, np.ascontiguousarray(a)) for name, a in arrays.items()]

    def run(self, inputs):
        for name, array in inputs:
            self.net.setInput(array, name)
        return self.net.forward(self.output_names)

    def collect(self, outputs):
        return {name: np.asarray(o) for name, o in zip(self.output_names, outputs, strict=True)}
