"""Train the head alone on a trunk that stays as it came: minutes of one core, where train_flags takes hours.

    python -m calcidisc_training.classifier.train_flag_head --chunks chunks --start ../resnet34/2/model.onnx --out runs/head --epochs 6

What stages 3 and 4 say of the chunks is kept in OUT/maps and not computed again. Writes what train_flags writes, so that
flag_card makes a model of it.
"""
import argparse
import json
import os
import time

import numpy as np
import torch
from torch import nn

from ..common.processes import half_type, mixed
from .flag_head import Distance
from .train_flags import CLIP, Flags, chunk_names, loss_of, told
from .warm_start import resnet34_from_onnx

RATE, WEIGHT_DECAY, BATCH = 2e-3, 3e-2, 128


@torch.no_grad()
def maps_of(flags, stage2, batch=50) -> tuple[np.ndarray, np.ndarray]:
    """([N, 256, 8, 8], [N, 512, 4, 4]) float16."""
    third, fourth = [], []
    for at in range(0, len(stage2), batch):
        with mixed('cpu', half_type('cpu')):
            a = flags.layer3(torch.from_numpy(stage2[at:at + batch]).float().contiguous(memory_format=torch.channels_last))
            b = flags.layer4(a)
        third.append(a.float().numpy().astype(np.float16))
        fourth.append(b.float().numpy().astype(np.float16))
    return np.concatenate(third), np.concatenate(fourth)


def read_part(a, flags, part) -> tuple[dict, list]:
    """All chunks of 'training' or 'held' joined: third, fourth, labels, cells, patients; and what each region is."""
    parts, about = [], []
    os.makedirs(os.path.join(a.out, 'maps'), exist_ok=True)
    for path in chunk_names(a.chunks, part):
        kept, own = os.path.join(a.out, 'maps', os.path.basename(path)), np.load(path)
        if not os.path.exists(kept):
            third, fourth = maps_of(flags, own['l2'])
            np.savez(kept + '.part.npz', third=third, fourth=fourth)
            os.replace(kept + '.part.npz', kept)
        with np.load(kept) as maps:
            parts.append(dict({k: maps[k] for k in ('third', 'fourth')}, **{k: own[k] for k in ('labels', 'cells', 'patients')}))
        about += json.loads(str(own['about']))
    return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}, about


def both(data, pick) -> list[torch.Tensor]:
    return [torch.from_numpy(data[k][pick]).float() for k in ('third', 'fourth')]


@torch.no_grad()
def scores_of(head, data, batch=256) -> np.ndarray:
    head.eval()
    return np.concatenate([head(*both(data, slice(at, at + batch)))[0].numpy() for at in range(0, len(data['labels']), batch)])


def features_of(data) -> np.ndarray:
    return np.concatenate([data[k].astype(np.float32).mean((2, 3)) for k in ('third', 'fourth')], 1)


def train(head, data, epochs) -> int:
    """Trains in place; returns the steps taken."""
    steps, rng = len(data['labels']) // BATCH, np.random.default_rng(1)
    optimiser = torch.optim.AdamW(head.parameters(), RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=epochs * steps, pct_start=0.15)
    head.train()
    for epoch in range(epochs):
        order, losses = rng.permutation(len(data['labels'])), []
        for step in range(steps):
            pick = order[step * BATCH:(step + 1) * BATCH]
            loss = loss_of(*head(*both(data, pick)), torch.from_numpy(data['labels'][pick]).float(), torch.from_numpy(data['cells'][pick]))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(head.parameters(), CLIP)
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        print(f'epoch {epoch + 1} of {epochs} loss {np.mean(losses):.4f}', flush=True)
    return epochs * steps


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--chunks', required=True)
    p.add_argument('--start', required=True, help='the models/resnet34 file whose second stage is in the chunks')
    p.add_argument('--out', required=True)
    p.add_argument('--epochs', type=int, default=6)
    p.add_argument('--threads', type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    began, flags = time.time(), Flags(resnet34_from_onnx(a.start)).to(memory_format=torch.channels_last)
    training, _ = read_part(a, flags, 'training')
    held, about = read_part(a, flags, 'held')
    print(f"{len(training['labels'])} regions of {len(set(training['patients']))} patients; {len(held['labels'])} held out", flush=True)
    steps, distance = train(flags.head, training, a.epochs), Distance()
    distance.fit(features_of(training))
    scores = scores_of(flags.head, held)
    with torch.no_grad():
        distances = distance(torch.from_numpy(features_of(held))).numpy()
    np.savez(os.path.join(a.out, 'held.npz'), scores=scores, distances=distances, labels=held['labels'], patients=held['patients'], about=json.dumps(about))
    torch.save(distance.state_dict(), os.path.join(a.out, 'distance.pt'))
    torch.save(dict(average=flags.state_dict(), steps=steps, seconds=time.time() - began, headOnly=True), os.path.join(a.out, 'last.pt'))
    print('held out: ' + told(held['labels'], scores))


if __name__ == '__main__':
    main()
