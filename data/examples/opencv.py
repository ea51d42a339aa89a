"""Runs {model} with OpenCV."""

import cv2
import ecotone_example as example
import numpy as np

cv2.setNumThreads(example.threads)
net = cv2.dnn.readNetFromONNX(str(example.folder / "{model}"), cv2.dnn.ENGINE_NEW)
names = list(net.getUnconnectedOutLayersNames())
inputs = {name: np.ascontiguousarray(array) for name, array in example.inputs.items()}


def run():
    for name, array in inputs.items():
        net.setInput(array, name)
    return net.forward(names)


example.measure(run, lambda outputs: dict(zip(names, map(np.asarray, outputs), strict=True)))
