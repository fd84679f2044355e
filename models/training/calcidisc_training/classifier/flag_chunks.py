"""Regions for training a classifier that can say no, in files, with what the first two stages of a network say of them.

    python -m calcidisc_training.classifier.flag_chunks --slices SLICES --start ../resnet34/2/model.onnx --out chunks --training 14 --held 2

SLICES is what `npm run bench:flags -- --slices` wrote. Chunks are training-K.npz and held-K.npz: labels, cells, patients, about, l2
[N, 128, 16, 16] float16 (after the second stage, at 128 by 128). Held are spider.HELD_OUT and every other source. A chunk that is
there is not made again: several processes share the work by --first and --step.
"""
import argparse
import json
import os
import time

import numpy as np
import torch
from torch import nn

from ..common.processes import half_type, mixed
from ..sets.flag_sets import make_flag_pool
from ..sets.real_regions import RealDisc, read_discs
from ..spine.spider import HELD_OUT
from .classifier_net import resize, to_input
from .flag_head import SIZE
from .warm_start import resnet34_from_onnx

NEVER_PAINTED = ('sudirman-t1',)
SEEDS = dict(training=300, held=700)


def is_training(disc: RealDisc) -> bool:
    return disc.stack.source == 'spider' and disc.stack.patient not in {f'SPIDER{n}' for n in HELD_OUT}


@torch.no_grad()
def stage2_of(net, pictures, batch=32) -> np.ndarray:
    """[N, 128, 16, 16] float16 of [N, 224, 224] uint8."""
    half, found = half_type('cpu'), []
    for at in range(0, len(pictures), batch):
        image = resize(to_input(torch.from_numpy(pictures[at:at + batch])), SIZE / 224).contiguous(memory_format=torch.channels_last)
        with mixed('cpu', half):
            x = nn.functional.max_pool2d(torch.relu(net.bn1(net.conv1(image))), 3, 2, 1)
            found.append(net.layer2(net.layer1(x)).float().numpy().astype(np.float16))
    return np.concatenate(found)


def write_chunk(path, discs, count, seed, net) -> None:
    pool = make_flag_pool(discs, count, seed, NEVER_PAINTED)
    turned = np.random.default_rng([seed, 16]).random(count) < 0.5
    pool.pictures[turned], pool.cells[turned] = pool.pictures[turned, ::-1], pool.cells[turned, ::-1]
    part = f'{path}.{os.getpid()}.part.npz'
    np.savez(part, labels=pool.labels, cells=pool.cells, patients=pool.patients, about=json.dumps(pool.about), l2=stage2_of(net, pool.pictures))
    os.replace(part, path)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--slices', required=True)
    p.add_argument('--start', required=True, help='a models/resnet34 file')
    p.add_argument('--out', required=True)
    p.add_argument('--training', type=int, default=14, help='chunks')
    p.add_argument('--held', type=int, default=2, help='chunks')
    p.add_argument('--first', type=int, default=0)
    p.add_argument('--step', type=int, default=1, help='2 with --first 0 and 1: two processes')
    p.add_argument('--count', type=int, default=1000)
    a = p.parse_args()
    torch.set_num_threads(1)
    os.makedirs(a.out, exist_ok=True)
    discs, net = read_discs(a.slices), resnet34_from_onnx(a.start)
    parts = dict(training=[d for d in discs if is_training(d)], held=[d for d in discs if not is_training(d)])
    wanted = [(part, k) for part in parts for k in range(getattr(a, part))]
    for part, k in wanted[a.first::a.step]:
        path = os.path.join(a.out, f'{part}-{k}.npz')
        if os.path.exists(path):
            continue
        began = time.process_time()
        write_chunk(path, parts[part], a.count, SEEDS[part] + k, net)
        print(f'{path}: {time.process_time() - began:.0f} s of processor', flush=True)


if __name__ == '__main__':
    main()
