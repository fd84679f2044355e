"""ONNX files with half-precision weights, and the cards beside them. Shared by localiser and classifiers.

Weights are stored as float16 initialisers behind Cast nodes: the file halves, onnxruntime folds the
casts when it loads the model, and the arithmetic stays float32.
"""
import datetime
import hashlib
import json
import os

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
SMALLEST = 256          # initialisers with fewer values stay float32: biases, shapes, constants

SPIDER_SOURCE = 'SPIDER lumbar spine MRI, sagittal T2 SPACE slices (Zenodo 10159290), CC BY 4.0'
SPIDER_ATTRIBUTION = ('van der Graaf et al., "Lumbar spine segmentation in MR images: a dataset and a public benchmark", '
                      'Sci Data 11:264 (2024), CC BY 4.0; PNG conversion as published by istiak769/Lumbar-Spine-MRI-Segementation')


def export_onnx(model, example, path, inputs, outputs, dynamic_axes) -> None:
    """Write `model` (put into eval mode) as ONNX with float16 initialisers; batch norms are folded in."""
    model.eval()
    arguments = dict(input_names=inputs, output_names=outputs, dynamic_axes=dynamic_axes, opset_version=OPSET, do_constant_folding=True)
    if int(torch.__version__.split('.')[0]) >= 2:
        arguments['dynamo'] = False
    with torch.no_grad():
        torch.onnx.export(model, (example,), path, **arguments)
    halve_initialisers(path)


def halve_initialisers(path) -> None:
    """Rewrite an ONNX file in place: large float32 initialisers become float16 behind a Cast."""
    proto = onnx.load(path)
    kept, casts = [], []
    for initialiser in proto.graph.initializer:
        values = numpy_helper.to_array(initialiser)
        if initialiser.data_type != TensorProto.FLOAT or values.size < SMALLEST:
            kept.append(initialiser)
            continue
        if np.abs(values).max() > 65000:
            raise ValueError(f'{initialiser.name} does not fit into float16')
        half = initialiser.name + '.fp16'
        kept.append(numpy_helper.from_array(values.astype(np.float16), half))
        casts.append(helper.make_node('Cast', [half], [initialiser.name], to=TensorProto.FLOAT, name='cast.' + initialiser.name))
    nodes = list(proto.graph.node)
    del proto.graph.initializer[:], proto.graph.node[:]
    proto.graph.initializer.extend(kept)
    proto.graph.node.extend(casts + nodes)
    onnx.checker.check_model(proto)
    onnx.save(proto, path)


def sha256_of(path) -> str:
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


def write_card(folder, card) -> dict:
    """Write folder/card.json for folder/model.onnx, adding its hash and the date."""
    about = dict(card, sha256=sha256_of(os.path.join(folder, 'model.onnx')),
                 created=datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ'))
    with open(os.path.join(folder, 'card.json'), 'w', encoding='utf-8') as f:
        json.dump(about, f, indent=2, ensure_ascii=False)
        f.write('\n')
    return about
