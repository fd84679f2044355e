"""Train the localiser: python -m calcidisc_training.localiser.train_localiser --data DIR --out DIR --fold 0 --steps 3000

Writes OUT/checkpoint.pt (every --every steps; --resume goes on from it) and, at the end, OUT/weights.pt.
Samples depend on (seed, step) alone, so that a resumed run draws what an unbroken one would have drawn.
"""
import argparse
import json
import os
import time

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from ..common.average import Average
from ..spine.folds import FOLDS, split
from ..spine.spider import load_patients, patients_in
from .augment import sample
from .localiser_net import Localiser, losses
from .onnx_weights import from_onnx
from .sudirman import load_sudirman

UNFOLDED_BY = 32
"""Samples by which an ONNX file's batch norms are told from its convolutions."""

SECOND_SHARE = 0.12
"""Of the samples, where the second scanner's slices are given."""


class Samples(Dataset):
    """Sample i of a run, drawn from all slices, patients weighted equally; others: slices that are nobody's neighbours."""

    def __init__(self, volumes, seed, first, count, others=()) -> None:
        self.volumes, self.others, self.seed, self.first, self.count = list(volumes.values()), list(others), seed, first, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng([self.seed, self.first + i])
        if self.others and rng.random() < SECOND_SHARE:
            slices = [self.others[rng.integers(len(self.others))]]
        else:
            slices = self.volumes[rng.integers(len(self.volumes))]
        image, tissue, level = sample(rng, slices, int(rng.integers(len(slices))))
        return image[None], tissue.astype(np.int64), level.astype(np.int64)


def rate(step, steps, peak) -> float:
    """Warm-up over the first 5%, then a cosine to zero."""
    warm = max(1, steps // 20)
    if step < warm:
        return peak * (step + 1) / warm
    return float(peak * 0.5 * (1 + np.cos(np.pi * (step - warm) / max(1, steps - warm))))


def save_atomically(state, path) -> None:
    torch.save(state, path + '.part')
    os.replace(path + '.part', path)


def train_step(model, optimiser, batch, bf16, corner) -> tuple[float, float]:
    """One step. corner: which of the four pixels of each 2 x 2 block the level loss looks at this time."""
    image, tissue, level = batch
    i, j = divmod(corner, 2)
    image = image.contiguous(memory_format=torch.channels_last)
    with torch.autocast('cpu', dtype=torch.bfloat16, enabled=bf16):
        tissue_logits, level_logits = model(image)
    tissue_loss, level_loss = losses(tissue_logits.float(), level_logits[:, :, i::2, j::2].float(), tissue, level[:, i::2, j::2])
    optimiser.zero_grad(set_to_none=True)
    (tissue_loss + 0.5 * level_loss).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimiser.step()
    return tissue_loss.item(), level_loss.item()


def started(args, volumes, others) -> Localiser:
    """The network to train: random, or as --init has it."""
    if args.init is None:
        return Localiser()
    if args.init.endswith('.onnx'):
        samples = Samples(volumes, args.seed + 1, 0, UNFOLDED_BY, others)
        return from_onnx(args.init, torch.from_numpy(np.stack([samples[i][0] for i in range(UNFOLDED_BY)])))
    model = Localiser()
    model.load_state_dict(torch.load(args.init, map_location='cpu'))
    return model


def train(args) -> None:
    os.makedirs(args.out, exist_ok=True)
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    fold = None if args.fold == 'all' else int(args.fold)
    patients, held = split(patients_in(args.data), fold)
    json.dump(dict(patients=patients, heldOut=held, fold=fold, steps=args.steps, batch=args.batch, seed=args.seed, init=args.init, sudirman=bool(args.sudirman)),
              open(os.path.join(args.out, 'run.json'), 'w'))
    print(f'training on {len(patients)} patients, held out {held}', flush=True)
    volumes = load_patients(args.data, patients)
    others = load_sudirman(args.sudirman, args.marks) if args.sudirman else []
    model = started(args, volumes, others)
    model = model.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=args.rate, weight_decay=0.02)
    average, start, checkpoint = Average(model, 0.995), 0, os.path.join(args.out, 'checkpoint.pt')
    if args.resume and os.path.exists(checkpoint):
        state = torch.load(checkpoint, map_location='cpu')
        model.load_state_dict(state['model'])
        optimiser.load_state_dict(state['optimiser'])
        average.model.load_state_dict(state['average'])
        start = state['step']
        print(f'resumed at step {start}', flush=True)
    samples = Samples(volumes, args.seed, start * args.batch, (args.steps - start) * args.batch, others)
    begun, sums = time.time(), np.zeros(2)
    for step, batch in enumerate(DataLoader(samples, args.batch, num_workers=args.workers), start):
        for group in optimiser.param_groups:
            group['lr'] = rate(step, args.steps, args.rate)
        sums += train_step(model, optimiser, batch, args.bf16, step % 4)
        average.update(model, step)
        if (step + 1) % args.every == 0 or step + 1 == args.steps:
            n = (step % args.every) + 1
            print(f'step {step + 1}/{args.steps} tissue {sums[0] / n:.4f} level {sums[1] / n:.4f} '
                  f'{(time.time() - begun) / (step + 1 - start):.3f} s/step', flush=True)
            sums[:] = 0
            save_atomically(dict(model=model.state_dict(), optimiser=optimiser.state_dict(),
                                 average=average.model.state_dict(), step=step + 1), checkpoint)
    save_atomically(average.model.state_dict(), os.path.join(args.out, 'weights.pt'))


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--data', default='spider')
    p.add_argument('--sudirman', help='folder of a second scanner\'s slices, trained on besides (sudirman.py)')
    p.add_argument('--marks', default='../localiser/4/model.onnx', help='the localiser that marks those')
    p.add_argument('--out', required=True)
    p.add_argument('--fold', default='all', choices=['all'] + [str(k) for k in range(FOLDS)])
    p.add_argument('--steps', type=int, default=3000)
    p.add_argument('--batch', type=int, default=8)
    p.add_argument('--rate', type=float, default=3e-3)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--every', type=int, default=100, help='steps between progress lines and checkpoints')
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--workers', type=int, default=1, help='processes that draw samples')
    p.add_argument('--no-bf16', dest='bf16', action='store_false', help='float32 throughout (CPUs without AMX or AVX512-BF16)')
    p.add_argument('--init', help="weights.pt or model.onnx to start from (never one that has seen this fold's held-out patients)")
    p.add_argument('--resume', action='store_true')
    train(p.parse_args())


if __name__ == '__main__':
    main()
