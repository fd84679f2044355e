"""A trained localiser in eight-bit integers: python -m calcidisc_training.localiser.eight_bits --model ../localiser/5 --out ../localiser/6 --data DIR

The same weights: convolutions compute with integers (activations 0..255, weights -64..63 by output channel, so that no
processor's integer unit saturates), their ranges taken from training samples. The output is what the
last convolution gives, bytes, four sub-pixels a place: putting them in rows and making logits of them is left to the reader, who needs few of them.
Needs onnxruntime; writes OUT/model.onnx and OUT/card.json and prints how often both files say the same of samples not calibrated on.
"""
import argparse
import json
import os
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from ..common.export import write_card
from ..spine.levels import LEVELS, TISSUES
from ..spine.spider import load_patients, patients_in
from .marks import SUB_PIXELS, logits_of
from .train_localiser import Samples

CALIBRATED_ON, COMPARED_ON, SEED = 160, 60, 4711
LIMIT = 'Computed in eight-bit integers: within their rounding the same as version {version}, whose weights these are.'


class Pictures(CalibrationDataReader):
    """Training samples, one after the other."""

    def __init__(self, samples, count) -> None:
        self.samples, self.left = samples, iter(range(count))

    def get_next(self) -> dict | None:
        k = next(self.left, None)
        return None if k is None else {'image': self.samples[k][0][None]}


def without_shuffle(path, out) -> None:
    """Ends the graph at the last convolution, whose output becomes `marks`."""
    graph = onnx.load(path).graph
    last = next(node for node in graph.node if node.op_type == 'DepthToSpace').input[0]
    onnx.utils.extract_model(path, out, ['image'], [last])
    model = onnx.load(out)
    for node in model.graph.node:
        node.output[:] = ['marks' if name == last else name for name in node.output]
    model.graph.output[0].name = 'marks'
    onnx.save(model, out)


def without_floats(path) -> dict:
    """Ends the graph at the last convolution's bytes; what they mean: logit = (byte - zero) * scale."""
    model = onnx.load(path)
    graph = model.graph
    last = next(node for node in graph.node if 'marks' in node.output)
    values = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    made, scale, zero = last.input
    graph.node.remove(last)
    for node in graph.node:
        node.output[:] = ['marks' if name == made else name for name in node.output]
    graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return dict(scale=float(values[scale]), zero=int(values[zero]))


def quantised(path, out, samples) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        plain, short = os.path.join(folder, 'plain.onnx'), os.path.join(folder, 'short.onnx')
        quant_pre_process(path, plain, skip_symbolic_shape=True)
        without_shuffle(plain, short)
        quantize_static(short, out, Pictures(samples, CALIBRATED_ON), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
    return without_floats(out)


def compared(path, out, samples, bytes_mean) -> dict:
    """How often the two files agree: on every pixel's tissue, and on the level of those that the first takes for disc."""
    first, second = (onnxruntime.InferenceSession(p, providers=['CPUExecutionProvider']) for p in (path, out))
    tissues, levels, discs = [], 0, 0
    for k in range(CALIBRATED_ON, CALIBRATED_ON + COMPARED_ON):
        image = samples[k][0][None]
        tissue, level = first.run(['tissue', 'level'], {'image': image})
        other = logits_of(second.run(['marks'], {'image': image})[0], **bytes_mean)
        disc = tissue.argmax(1) == TISSUES.index('disc')
        tissues.append(np.mean(tissue.argmax(1) == other[0].argmax(1)))
        same = level.argmax(1) == other[1].argmax(1)
        levels, discs = levels + same[disc].sum(), discs + disc.sum()
    return dict(pictures=COMPARED_ON, sameTissue=round(float(np.mean(tissues)), 5), sameLevelOnDiscs=round(float(levels / discs), 5))


def card_of(card, version, bytes_mean, agreement) -> dict:
    channels = SUB_PIXELS ** 2 * (len(TISSUES) + len(LEVELS))
    return dict(
        card, version=str(version),
        outputs=[dict(name='marks', type='uint8', shape=['N', channels, 'H/2', 'W/2'], meaning='logits, (byte - zero) * scale; class by class four sub-pixels: '
                      'upper left, upper right, lower left, lower right', classes=list(TISSUES) + list(LEVELS))],
        marks=bytes_mean,
        arithmetic=dict(integers='activations uint8, weights int8 of 7 bits by output channel', weightsOf=card['version'], metricsOf=card['version'], agreement=agreement),
        limits=[LIMIT.format(version=card['version'])] + card['limits'],
    )


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--model', required=True, help='folder of the trained localiser')
    p.add_argument('--out', required=True)
    p.add_argument('--version', required=True)
    p.add_argument('--data', required=True, help='as train_localiser takes it')
    a = p.parse_args()
    path, out = os.path.join(a.model, 'model.onnx'), os.path.join(a.out, 'model.onnx')
    os.makedirs(a.out, exist_ok=True)
    samples = Samples(load_patients(a.data, patients_in(a.data)), SEED, 0, CALIBRATED_ON + COMPARED_ON)
    bytes_mean = quantised(path, out, samples)
    with open(os.path.join(a.model, 'card.json'), encoding='utf-8') as f:
        card = json.load(f)
    agreement = compared(path, out, samples, bytes_mean)
    print(agreement, write_card(a.out, card_of(card, a.version, bytes_mean, agreement))['sha256'])


if __name__ == '__main__':
    main()
