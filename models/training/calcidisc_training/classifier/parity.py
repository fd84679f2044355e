"""parity.json beside a model: PyTorch's own probabilities of drawn regions, for every runtime to be held to.

    python -m calcidisc_training.classifier.parity --run runs/resnet34 --model ../resnet34/1

classifier_card writes it with the card; this command adds it to a model that has none. The regions are drawn with whole
numbers alone, so that models/study/parity.ts draws the same bytes, and show nothing of anybody.
"""
import argparse
import json
import os

import numpy as np
import torch

from ..common.export import sha256_of
from ..common.runtime import NodeSession, open_session
from .classifier_net import Classifier, Deployed, to_input

TOLERANCE = 1e-3
COUNT, SIDE = 16, 224


def hashed(values) -> np.ndarray:
    """A uint32 hash (Mueller's) of uint32 values: noise that every language draws alike."""
    v = values.astype(np.uint32)
    v = (v ^ (v >> np.uint32(16))) * np.uint32(0x7feb352d)
    v = (v ^ (v >> np.uint32(15))) * np.uint32(0x846ca68b)
    return v ^ (v >> np.uint32(16))


def triangle(values) -> np.ndarray:
    """A wave of period 256 between 0 and 255."""
    v = values % 256
    return np.where(v < 128, 2 * v, 511 - 2 * v)


def parity_pictures(count=COUNT) -> np.ndarray:
    """[count, 224, 224] uint8: a dark band between bright ones, waves, grain; no two alike."""
    row, col = np.indices((SIDE, SIDE))
    pictures = []
    for k in range(count):
        noise = (hashed(k * SIDE * SIDE + row * SIDE + col) >> np.uint32(24)).astype(np.int64)
        wave = triangle(row * (2 + k % 5) + col * (1 + k % 7))
        band = np.minimum(255, np.abs(row - 112) * (2 + k % 4))
        grain = 1 + k % 3
        pictures.append((3 * wave + grain * noise + 6 * band) // (9 + grain))
    return np.stack(pictures).astype(np.uint8)


def pytorch_scores(deployed, pictures) -> np.ndarray:
    """Probabilities [N] in float32 by PyTorch."""
    with torch.no_grad():
        return deployed(to_input(torch.from_numpy(pictures)))[0].numpy()[:, 0]


def onnx_scores(path, pictures, batch=16, at_once=256) -> np.ndarray:
    """Probabilities [N] of [N, 224, 224] uint8 pictures by onnxruntime on the CPU."""
    session = open_session(path)
    step = at_once if isinstance(session, NodeSession) else batch
    parts = [session.run(['probability'], {'image': to_input(torch.from_numpy(pictures[i:i + step])).numpy()})[0][:, 0] for i in range(0, len(pictures), step)]
    return np.concatenate(parts)


def check_parity(deployed, path, pictures=None) -> float:
    """The largest difference in probability; ValueError above TOLERANCE."""
    pictures = parity_pictures() if pictures is None else pictures
    worst = float(np.abs(pytorch_scores(deployed, pictures) - onnx_scores(path, pictures)).max())
    if not worst <= TOLERANCE:
        raise ValueError(f'{path} differs from PyTorch by {worst} in probability')
    return worst


def deployed_of(run) -> tuple[Deployed, dict]:
    """(Deployed, arguments) of a run's best epoch."""
    with open(os.path.join(run, 'history.json'), encoding='utf-8') as f:
        arguments = json.load(f)['arguments']
    classifier = Classifier(arguments['network'], 'none')
    classifier.load_state_dict(torch.load(os.path.join(run, 'best.pt'), map_location='cpu', weights_only=True)['model'])
    return Deployed(classifier, arguments['size']).eval().float(), arguments


def write_parity(deployed, folder) -> None:
    """folder/parity.json for folder/model.onnx."""
    about = dict(what='probabilities in float32 by PyTorch of the drawn regions of calcidisc_training/classifier/parity.py', sha256=sha256_of(os.path.join(folder, 'model.onnx')),
                 madeWith=f'PyTorch {torch.__version__}', tolerance=TOLERANCE, probabilities=[round(float(p), 7) for p in pytorch_scores(deployed, parity_pictures())])
    with open(os.path.join(folder, 'parity.json'), 'w', encoding='utf-8') as f:
        json.dump(about, f, indent=1)
        f.write('\n')


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--run', required=True)
    p.add_argument('--model', required=True, help='folder with model.onnx')
    a = p.parse_args()
    deployed, _ = deployed_of(a.run)
    worst = check_parity(deployed, os.path.join(a.model, 'model.onnx'))
    write_parity(deployed, a.model)
    print(f'{a.model}/parity.json: {COUNT} regions, largest difference {worst:.1e}')


if __name__ == '__main__':
    main()
