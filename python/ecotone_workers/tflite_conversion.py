"""ONNX to a TensorFlow SavedModel and a tflite file, by onnx2tf."""

import numpy as np


def convert(path, folder, shapes, options):
    import onnx
    import onnx2tf

    from ecotone_workers import onnx_static

    facts = onnx_static.signature(onnx.load(path, load_external_data=False))
    model, changes = onnx_static.make_static(path, shapes)
    facts["through"] = onnx_static.hand_through(model)
    if facts["through"]:
        changes.append(f"outputs that are inputs are handed through by the adapter: {', '.join(facts['through'])}")
    onnx_static.rename_ends(model)
    ends = onnx_static.signature(model)
    facts["computed"] = [o["shape"] for o in ends["outputs"]]
    onnx_static.flatten_outputs(model)
    onnx.save(model, folder / "static.onnx")
    # It would download pictures to check itself with; so named, a file in the current folder is taken instead.
    np.save("calibration_image_sample_data_20x128x128x3_float32.npy", np.random.default_rng(0).random((20, 128, 128, 3), np.float32))
    onnx2tf.convert(
        input_onnx_file_path=str(folder / "static.onnx"), output_folder_path=str(folder / "saved_model"), output_signaturedefs=True,
        keep_ncw_or_nchw_or_ncdhw_input_names=[i["name"] for i in ends["inputs"] if len(i["shape"]) in (3, 4, 5)] or None,
        replace_to_pseudo_operators=["erf"],  # tflite has no Erf
        verbosity="error")
    (folder / "saved_model" / "static_float32.tflite").rename(folder / "model.tflite")
    (folder / "static.onnx").unlink()
    for f in (folder / "saved_model").glob("*.tflite"):
        f.unlink()
    return facts | {"changes": [*changes, "Erf written with other operators, layout turned to channels-last inside"]}
