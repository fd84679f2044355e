"""Regions for training a classifier that can say no, in files, with what the frozen part of a network says of them.

    python -m calcidisc_training.classifier.flag_chunks --slices SLICES --start ../resnet34/2/model.onnx --out chunks --chunks 12

SLICES is what `npm run bench:flags -- --slices` wrote. A chunk is chunk-K.npz: pictures [N, 224, 224] uint8, labels, cells,
patients, about, stage3 [N, 256, 8, 8] and stage4 [N, 512, 4, 4] float16 (at 128 by 128). A chunk that is there is not made again.
"""
import argparse
import json
import os
import time

import numpy as np
import torch

from ..common.processes import half_type, mixed
from ..sets.flag_sets import make_flag_pool
from ..sets.real_regions import read_discs
from .classifier_net import resize, to_input
from .flag_head import SIZE, stages
from .warm_start import resnet34_from_onnx

NEVER_PAINTED = ('sudirman-t1',)


@torch.no_grad()
def stages_of(net, pictures, batch=32) -> tuple[np.ndarray, np.ndarray]:
    """([N, 256, 8, 8], [N, 512, 4, 4]) float16 of [N, 224, 224] uint8."""
    half, third, fourth = half_type('cpu'), [], []
    for at in range(0, len(pictures), batch):
        image = resize(to_input(torch.from_numpy(pictures[at:at + batch])), SIZE / 224).contiguous(memory_format=torch.channels_last)
        with mixed('cpu', half):
            a, b = stages(net, image)
        third.append(a.float().numpy().astype(np.float16))
        fourth.append(b.float().numpy().astype(np.float16))
    return np.concatenate(third), np.concatenate(fourth)


def write_chunk(path, discs, count, seed, net) -> None:
    pool = make_flag_pool(discs, count, seed, NEVER_PAINTED)
    turned = np.random.default_rng([seed, 16]).random(count) < 0.5
    pool.pictures[turned], pool.cells[turned] = pool.pictures[turned, ::-1], pool.cells[turned, ::-1]
    part = f'{path}.{os.getpid()}.part.npz'
    stage3, stage4 = stages_of(net, pool.pictures)
    np.savez(part, pictures=pool.pictures, labels=pool.labels, cells=pool.cells, patients=pool.patients, about=json.dumps(pool.about), stage3=stage3, stage4=stage4)
    os.replace(part, path)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--slices', required=True)
    p.add_argument('--start', required=True, help='a models/resnet34 file')
    p.add_argument('--out', required=True)
    p.add_argument('--chunks', type=int, default=12)
    p.add_argument('--first', type=int, default=0)
    p.add_argument('--step', type=int, default=1, help='2 with --first 0 and 1: two processes')
    p.add_argument('--count', type=int, default=1000)
    a = p.parse_args()
    torch.set_num_threads(1)
    os.makedirs(a.out, exist_ok=True)
    discs, net = read_discs(a.slices), resnet34_from_onnx(a.start)
    print(f'{len(discs)} discs of {len({d.stack.name for d in discs})} series', flush=True)
    for k in range(a.first, a.chunks, a.step):
        path = os.path.join(a.out, f'chunk-{k}.npz')
        if os.path.exists(path):
            continue
        began = time.process_time()
        write_chunk(path, discs, a.count, 100 + k, net)
        print(f'{path}: {time.process_time() - began:.0f} s of processor', flush=True)


if __name__ == '__main__':
    main()
