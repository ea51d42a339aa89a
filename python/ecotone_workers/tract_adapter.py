"""tract, on one thread: its Python package has no setting for more."""

import os

os.environ["RUST_BACKTRACE"] = "0"  # an error is a message, not the stack of the build that made it

import tract  # noqa: E402

from ecotone_workers import adapter  # noqa: E402


class Adapter(adapter.Adapter):
    packages = ("tract",)

    def load(self, model):
        self.settings["threads"] = 1
        loaded = tract.onnx().load(model.path)
        self.input_names = [loaded.input_name(i) for i in range(loaded.input_count())]
        self.output_names = [loaded.output_name(i) for i in range(loaded.output_count())]
        for i, name in enumerate(self.input_names):
            if name in model.shapes:
                dtype = loaded.input_fact(i).dump().rpartition(",")[2]
                loaded.set_input_fact(i, ",".join([*map(str, model.shapes[name]), dtype.lower()]))
        for i in range(len(self.output_names)):
            loaded.set_output_fact(i, None)  # declared sizes may be symbols that the inputs have not
        self.runnable = loaded.into_model().into_runnable()

    def inputs(self):
        return self.input_names

    def outputs(self):
        return self.output_names

    def prepare(self, arrays):
        return [tract.Tensor.from_numpy(arrays[name]) for name in self.input_names]

    def run(self, inputs):
        return self.runnable.run(inputs)

    def collect(self, outputs):
        return {name: t.to_numpy() for name, t in zip(self.output_names, outputs, strict=True)}
