"""Writes the classifier the tests run: a real ONNX graph of a few hundred bytes with the interface of the trained
networks (image [N,3,224,224] -> probability [N,1], cam [N,1,7,7]). It measures how dark a region is.

    python make_tiny_classifier.py ../../test/fixtures/tiny-classifier/1
    python make_tiny_classifier.py ../../test/fixtures/tiny-doubter/1 --distance     # the same, and distance = |mean(cam)|

grey     = image[channel 0] un-normalised, 0..1
darkness = 1 - grey / max(grey) in cells of 32 by 32
cam      = 12 * darkness - 6
probability = sigmoid(mean(cam))

An all-black region has no maximum to divide by: its probability is NaN, as a broken network's may be, and that of
the other regions in the batch is not. Tests rely on it.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

GAIN, OFFSET = 12.0, 6.0
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
# Half a grey step: rounding must not make black anything but exactly zero.
BLACK = 0.5 / 255


def scalar(name: str, value: float) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(value, np.float32), name)


def ints(name: str, values: list[int]) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, np.int64), name)


def build(has_distance: bool) -> onnx.ModelProto:
    node = helper.make_node
    nodes = [
        node("Slice", ["image", "zero", "one", "channels"], ["channel"]),
        node("Mul", ["channel", "std"], ["scaled"]),
        node("Add", ["scaled", "mean_less_black"], ["shifted"]),
        node("Relu", ["shifted"], ["grey"]),
        node("ReduceMax", ["grey"], ["brightest"], axes=[1, 2, 3], keepdims=1),
        node("Div", ["grey", "brightest"], ["relative"]),
        node("AveragePool", ["relative"], ["brightness"], kernel_shape=[32, 32], strides=[32, 32]),
        node("Mul", ["brightness", "minus_gain"], ["falling"]),
        node("Add", ["falling", "rest"], ["cam"]),
        node("ReduceMean", ["cam"], ["mean_cam"], axes=[2, 3], keepdims=0),
        node("Sigmoid", ["mean_cam"], ["probability"]),
    ]
    if has_distance:
        nodes.append(node("Abs", ["mean_cam"], ["distance"]))
    constants = [
        ints("zero", [0]),
        ints("one", [1]),
        ints("channels", [1]),
        scalar("std", STD[0]),
        scalar("mean_less_black", MEAN[0] - BLACK),
        scalar("minus_gain", -GAIN),
        scalar("rest", GAIN - OFFSET),
    ]
    tensor = helper.make_tensor_value_info
    outputs = [
        tensor("probability", TensorProto.FLOAT, ["n", 1]),
        tensor("cam", TensorProto.FLOAT, ["n", 1, 7, 7]),
    ]
    if has_distance:
        outputs.append(tensor("distance", TensorProto.FLOAT, ["n", 1]))
    graph = helper.make_graph(
        nodes,
        "tiny-classifier",
        [tensor("image", TensorProto.FLOAT, ["n", 3, 224, 224])],
        outputs,
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def card(sha256: str, has_distance: bool) -> dict:
    bounds = {"assessable": {"maxDistance": 2.0}} if has_distance else {}
    return {
        "name": "tiny-doubter" if has_distance else "tiny-classifier",
        "version": "1",
        "kind": "classifier",
        "sha256": sha256,
        "created": "2026-11-23",
        "description": "Measures how dark a region is. For tests of the software only.",
        "input": {
            "name": "image",
            "shape": ["N", 3, 224, 224],
            "normalisation": {"mean": MEAN, "std": STD},
        },
        "outputs": ["probability", "cam", *(["distance"] if has_distance else [])],
        **bounds,
        "threshold": 0.5,
        "trainingData": {"source": "none: written by hand", "simulated": True, "patients": [], "heldOut": []},
        "metrics": {},
        "licence": "Apache-2.0",
        "limits": ["It knows nothing of discs."],
        "intendedUse": "tests",
    }


def main() -> None:
    folder, has_distance = Path(sys.argv[1]), "--distance" in sys.argv[2:]
    folder.mkdir(parents=True, exist_ok=True)
    data = build(has_distance).SerializeToString()
    (folder / "model.onnx").write_bytes(data)
    text = json.dumps(card(hashlib.sha256(data).hexdigest(), has_distance), indent=2)
    (folder / "card.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
