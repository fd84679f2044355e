"""Train a ResNet-34 that can say no, on real untouched discs and what is painted over them.

    python -m calcidisc_training.classifier.train_flags --chunks chunks --start ../resnet34/3/model.onnx --out runs/flags --minutes 120

All stages learn, from a shipped file's weights on. Chunks (flag_chunks) that appear while it runs are taken up at the next
epoch. The rate falls with the minutes, which are the processor's: other work beside it makes it later, not shorter. Writes last.pt, from where it goes on, and held.npz: score and distance of every region
whose patient was held out.
"""
import argparse
import json
import math
import os
import time

import numpy as np
import torch
from torch import nn

from ..common.average import Average
from ..common.processes import half_type, mixed
from .classifier_metrics import auc
from .classifier_net import resize, to_input
from .flag_head import SIZE, Distance, FlagHead, stages
from .warm_start import resnet34_from_onnx

GUIDE, NEGATIVE_WEIGHT, PLACE_WEIGHT = 0.5, 1.5, 3.0
TRUNK_RATE, HEAD_RATE, WEIGHT_DECAY, CLIP, AVERAGE, BATCH = 3e-4, 1.5e-3, 2e-2, 2.0, 0.99, 32
TURN, SIZES, SHIFT = 0.12, 0.08, 0.03    # radians, logarithm, half pictures: standard deviations
KNOWN_LOOKS = ('spider', 'sudirman-t2')     # sources that tell what the network knows; T1 is no look it may answer on


def chunk_names(folder, part) -> list[str]:
    """Files of `part` ('training' or 'held'), finished ones only."""
    return sorted(os.path.join(folder, n) for n in os.listdir(folder) if n.startswith(part) and n.endswith('.npz') and '.part' not in n)


class Flags(nn.Module):
    """image [N, 3, 128, 128] -> (logit [N], cam [N, 8, 8], features [N, 768]); normalisation frozen."""

    def __init__(self, net, head=None) -> None:
        super().__init__()
        self.net, self.head = net, head or FlagHead()

    def forward(self, image) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        third, fourth = stages(self.net, image)
        logit, cam = self.head(third, fourth)
        return logit.float(), cam.float(), torch.cat([third.mean((2, 3)), fourth.mean((2, 3))], 1).float()

    def train(self, mode=True) -> nn.Module:
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


def loss_of(logit, cam, labels, cells) -> torch.Tensor:
    weight = torch.where(labels > 0.5, 1.0, NEGATIVE_WEIGHT)
    target = nn.functional.adaptive_max_pool2d((cells * 1.5).clamp(0, 1)[:, None], cam.shape[1:])[:, 0]
    places = nn.functional.binary_cross_entropy_with_logits(cam, target, pos_weight=cam.new_tensor(PLACE_WEIGHT))
    return nn.functional.binary_cross_entropy_with_logits(logit, labels, weight=weight) + GUIDE * places


def image_of(pictures) -> torch.Tensor:
    """[N, 224, 224] 0..255 -> what the network takes."""
    return resize(to_input(torch.from_numpy(pictures)), SIZE / 224).contiguous(memory_format=torch.channels_last)


def turned(rng, count) -> torch.Tensor:
    """[count, 2, 3] for affine_grid: a little turned, larger or smaller, shifted, some upside down."""
    angle, size = rng.normal(0, TURN, count), np.exp(rng.normal(0, SIZES, (count, 2)))
    upside = np.where(rng.random(count) < 0.5, -1.0, 1.0)
    c, s, shift = np.cos(angle), np.sin(angle), rng.normal(0, SHIFT, (count, 2))
    theta = np.stack([np.stack([c * size[:, 0], -s, shift[:, 0]], 1), np.stack([s * upside, c * size[:, 1] * upside, shift[:, 1]], 1)], 1)
    return torch.from_numpy(theta.astype(np.float32))


def varied(rng, pictures, cells) -> tuple[np.ndarray, np.ndarray]:
    """(pictures float32, cells): turned and sized by a little, with another gamma, brightness, contrast and fall-off of the coil."""
    count, theta = len(pictures), turned(rng, len(pictures))

    def moved(images) -> np.ndarray:
        given = torch.from_numpy(images.astype(np.float32))[:, None]
        grid = nn.functional.affine_grid(theta, list(given.shape), align_corners=False)
        return nn.functional.grid_sample(given, grid, padding_mode='border', align_corners=False)[:, 0].numpy()

    gain, offset, gamma = (rng.normal(at, sd, (count, 1, 1)).astype(np.float32) for at, sd in ((1, 0.06), (0, 5), (0, 0.15)))
    ramp = np.linspace(-1, 1, pictures.shape[1], dtype=np.float32)
    down, across = (rng.normal(0, 0.08, (count, 1, 1)).astype(np.float32) for _ in range(2))
    grey = 255 * (moved(pictures) / 255) ** np.exp(gamma)
    return np.clip(grey * gain * (1 + down * ramp[:, None] + across * ramp[None]) + offset, 0, 255), moved(cells)


@torch.no_grad()
def run_on(flags, pictures, batch=64) -> tuple[np.ndarray, np.ndarray]:
    """(logits [N], features [N, 768]) of [N, 224, 224] uint8."""
    flags.eval()
    scores, features = [], []
    for at in range(0, len(pictures), batch):
        with mixed('cpu', half_type('cpu')):
            logit, _, found = flags(image_of(pictures[at:at + batch]))
        scores.append(logit.numpy())
        features.append(found.numpy())
    return np.concatenate(scores), np.concatenate(features)


def told(labels, scores) -> str:
    """AUC, and the share of calcified ones hit where 5% of the others are flagged."""
    bound = np.quantile(scores[labels == 0], 0.95)
    return f'AUC {auc(labels, scores):.4f}, hit at 5% {np.mean(scores[labels == 1] > bound):.3f}'


class Run:
    def __init__(self, a) -> None:
        self.a = a
        torch.manual_seed(1)
        self.flags = Flags(*resnet34_from_onnx(a.start)).to(memory_format=torch.channels_last)
        self.average = Average(self.flags, AVERAGE)
        groups = [dict(params=list(self.flags.net.parameters()), top=TRUNK_RATE), dict(params=list(self.flags.head.parameters()), top=HEAD_RATE)]
        self.optimiser = torch.optim.AdamW(groups, TRUNK_RATE, weight_decay=WEIGHT_DECAY)
        self.epoch, self.steps, self.before = 0, 0, 0.0
        self.path = os.path.join(a.out, 'last.pt')
        if os.path.exists(self.path):
            kept = torch.load(self.path, map_location='cpu')
            self.flags.load_state_dict(kept['flags'])
            self.average.model.load_state_dict(kept['average'])
            self.optimiser.load_state_dict(kept['optimiser'])
            self.epoch, self.steps, self.before = kept['epoch'], kept['steps'], kept['seconds']
        self.started, self.saved = time.process_time(), time.time()

    @property
    def seconds(self) -> float:
        return self.before + (time.process_time() - self.started) / self.a.threads

    @property
    def progress(self) -> float:
        return min(1.0, self.seconds / 60 / self.a.minutes)

    def save(self) -> None:
        state = dict(flags=self.flags.state_dict(), average=self.average.model.state_dict(), optimiser=self.optimiser.state_dict(),
                     epoch=self.epoch, steps=self.steps, seconds=self.seconds)
        torch.save(state, self.path + '.part')
        os.replace(self.path + '.part', self.path)
        self.saved = time.time()

    def step(self, data, pick) -> float:
        for group in self.optimiser.param_groups:
            group['lr'] = group['top'] * min(1, (self.steps + 1) / 60) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * self.progress)))
        pictures, cells = varied(np.random.default_rng([9, self.steps]), data['pictures'][pick], data['cells'][pick])
        with mixed('cpu', None if self.a.no_bf16 else half_type('cpu')):
            logit, cam, _ = self.flags(image_of(pictures))
        loss = loss_of(logit, cam, torch.from_numpy(data['labels'][pick]).float(), torch.from_numpy(cells))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.flags.parameters(), CLIP)
        self.optimiser.step()
        self.average.update(self.flags, self.steps)
        self.steps += 1
        return loss.item()

    def train_chunk(self, path) -> float:
        with np.load(path) as kept:
            data = {k: kept[k] for k in ('pictures', 'labels', 'cells')}
        order, losses = np.random.default_rng([7, self.steps]).permutation(len(data['labels'])), []
        self.flags.train()
        for at in range(0, len(order) - BATCH + 1, BATCH):
            if self.progress >= 1:
                break
            losses.append(self.step(data, order[at:at + BATCH]))
        return float(np.mean(losses)) if losses else float('nan')

    def train_epoch(self) -> None:
        names = chunk_names(self.a.chunks, 'training')
        for k in np.random.default_rng([8, self.epoch]).permutation(len(names)):
            loss = self.train_chunk(names[k])
            print(f'epoch {self.epoch + 1}, {self.steps} steps, loss {loss:.4f}, {self.seconds / 60:.1f} of {self.a.minutes:.0f} min', flush=True)
            if time.time() - self.saved > 120:
                self.save()
            if self.progress >= 1:
                break
        self.epoch += 1
        self.save()


def measure(run, distance_from) -> None:
    """Writes held.npz and the fitted distance; prints what the held-out ones say."""
    flags, parts = run.average.model, {k: [] for k in ('scores', 'features', 'labels', 'patients')}
    about, known = [], []
    for path in distance_from:
        with np.load(path) as kept:
            known.append(run_on(flags, kept['pictures'])[1])
    distance = Distance()
    distance.fit(np.concatenate(known))
    for path in chunk_names(run.a.chunks, 'held'):
        with np.load(path) as kept:
            scores, features = run_on(flags, kept['pictures'])
            for k, v in dict(scores=scores, features=features, labels=kept['labels'], patients=kept['patients']).items():
                parts[k].append(v)
            about += json.loads(str(kept['about']))
    joined = {k: np.concatenate(v) for k, v in parts.items()}
    with torch.no_grad():
        distances = distance(torch.from_numpy(joined.pop('features'))).numpy()
    np.savez(os.path.join(run.a.out, 'held.npz'), distances=distances, about=json.dumps(about), **joined)
    torch.save(distance.state_dict(), os.path.join(run.a.out, 'distance.pt'))
    print('held out: ' + told(joined['labels'], joined['scores']), flush=True)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--chunks', required=True)
    p.add_argument('--start', required=True, help='the models/resnet34 file to begin with')
    p.add_argument('--out', required=True)
    p.add_argument('--minutes', type=float, default=60, help='of the processor, by thread')
    p.add_argument('--threads', type=int, default=1)
    p.add_argument('--no-bf16', action='store_true', help='float32 throughout: faster where bfloat16 has no matrix unit (one step of 32: 1.8 s against 2.9 on one such core)')
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    os.makedirs(a.out, exist_ok=True)
    run = Run(a)
    while run.progress < 1:
        run.train_epoch()
    measure(run, chunk_names(a.chunks, 'training')[:3])


if __name__ == '__main__':
    main()
