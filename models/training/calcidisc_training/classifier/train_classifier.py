"""Train one of the study's networks on simulated calcification over SPIDER regions.

    python -m calcidisc_training.classifier.train_classifier --network resnet34 --data …/spider-t2-sagittal --out runs/resnet34
    python -m calcidisc_training.classifier.train_classifier --network resnet34 --dataset export --out runs/ours    # a site's own regions
    torchrun --nproc_per_node 4 -m calcidisc_training.classifier.train_classifier …

Defaults are the study's (Adam 1e-4, batch 6, 150 epochs at most, ImageNet weights); `--flip` is not: a horizontal flip
puts the canal in front of the disc, and regions always come with it behind, so that up and down are exchanged instead.
Writes last.pt (for --resume), best.pt (highest AUC on validation patients) and history.json.
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
from ..common.processes import Processes, can_fuse_adam, grad_scaler, half_type, mixed
from ..sets.classifier_data import Pool, cached_pool, split_patients
from ..sets.dataset import RegionSet, read_dataset, split_by_patient
from ..spine.spider import HELD_OUT, patients_in
from .classifier_metrics import auc
from .classifier_net import NETWORKS, Classifier, resize, to_input

FOCUS_CELLS = 4         # cells of 32 pixels about the posterior edge
LOADS_FLOATS = int(torch.__version__.split('.')[0]) >= 2   # the safe loader of 1.13 knows no float, and an optimiser has some
PLAIN = 20.0                          # visibility, in noise units, of what the first epochs are shown


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--network', choices=NETWORKS, default='resnet34')
    source = p.add_mutually_exclusive_group(required=True)
    source.add_argument('--data', help='folder with images/ and masks/ of SPIDER slices, to simulate on')
    source.add_argument('--dataset', help='folder of `calcidisc dataset export`: real regions, split 8:2 by patient')
    p.add_argument('--out', required=True)
    p.add_argument('--cache', help='folder to keep simulated sets in')
    p.add_argument('--weights', default='imagenet', help="'imagenet' (by timm), 'none', or a file")
    p.add_argument('--regions', type=int, default=8000, help='training regions per pool')
    p.add_argument('--pools', type=int, default=1, help='pools taken in turn: more than one is fresh lesions')
    p.add_argument('--repeats', type=int, default=1, help='epochs on a pool before the next')
    p.add_argument('--validation-regions', type=int, default=500)
    p.add_argument('--epochs', type=int, default=150)
    p.add_argument('--patience', type=int, default=20, help='epochs without a better validation AUC before stopping')
    p.add_argument('--minutes', type=float, help='stop here, and end the schedule here')
    p.add_argument('--optimiser', choices=['adam', 'sgd'], default='adam')
    p.add_argument('--lr', type=float, default=1e-4)
    p.add_argument('--schedule', choices=['constant', 'cosine'], default='constant')
    p.add_argument('--batch', type=int, default=6)
    p.add_argument('--average', type=float, default=0.0, help='decay of a moving average of the weights, which is then what is validated and kept; 0 is none, as in the study')
    p.add_argument('--clip', type=float, default=0.0, help='largest norm of a gradient; 0 is no bound, as in the study')
    p.add_argument('--size', type=int, choices=[128, 224, 256, 512], default=224)
    p.add_argument('--flip', choices=['none', 'vertical', 'horizontal'], default='vertical')
    p.add_argument('--guide', type=float, default=1.0, help='weight of the lesion map loss; 0 as in the study')
    p.add_argument('--focus-epochs', type=int, default=0, help='first epochs on plain lesions in a window about the posterior edge: a third of the work')
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--workers', type=int, default=2, help='processes that simulate')
    p.add_argument('--threads', type=int)
    p.add_argument('--every', type=int, default=20, help='steps between progress lines')
    p.add_argument('--no-bf16', action='store_true', help='full precision, on GPUs too')
    p.add_argument('--resume', action='store_true')
    return p.parse_args()


def augment(pictures, cells, rng, flip, alike=2) -> tuple[np.ndarray, np.ndarray]:
    """Shift by up to 4 pixels, contrast, brightness, flip; `alike` neighbours at a time, as twins (2k, 2k + 1) must be.

    [N, H, W] uint8 -> float arrays; cells follow flips.
    """
    count = len(pictures) // alike
    shifts = np.repeat(rng.integers(-4, 5, (count, 2)), alike, 0)
    moved = np.stack([np.roll(p, tuple(s), (0, 1)) for p, s in zip(pictures, shifts)]).astype(np.float32)
    gain, offset = (np.repeat(v, alike)[:, None, None] for v in (rng.uniform(0.8, 1.25, count), rng.normal(0, 8, count)))
    moved = np.clip(moved * gain + offset, 0, 255).astype(np.float32)
    cells = cells.copy()
    if flip != 'none':
        turned = np.repeat(rng.random(count) < 0.5, alike)
        axis = 1 if flip == 'vertical' else 2
        moved[turned], cells[turned] = np.flip(moved[turned], axis), np.flip(cells[turned], axis)
    return moved, cells


def pairs_of(pool, plain) -> np.ndarray:
    """Indices [P, 2] of twins (see classifier_data.make_part); with `plain` only those whose calcification is plain to see.

    [N, 1] for a set whose regions have no twins: one read by dataset.read_dataset.
    """
    if not getattr(pool, 'is_twinned', True):
        return np.arange(len(pool.labels))[:, None]
    pairs = np.arange(len(pool.labels)).reshape(-1, 2)
    seen = np.array([pool.about[i].get('visibility', 0) for i in pairs[:, 1]])
    return pairs[seen >= PLAIN] if plain else pairs


def focus(pictures, cells, posterior) -> tuple[np.ndarray, np.ndarray]:
    """A window of whole cells about each posterior edge: pictures [N, 128, 128], cells [N, 4, 4]."""
    rows, cols = (np.clip(np.round(posterior[:, axis] / 32 - FOCUS_CELLS / 2).astype(int), 0, 7 - FOCUS_CELLS) for axis in (1, 0))
    pictures = np.stack([p[r * 32:(r + FOCUS_CELLS) * 32, c * 32:(c + FOCUS_CELLS) * 32] for p, r, c in zip(pictures, rows, cols)])
    cells = np.stack([x[r:r + FOCUS_CELLS, c:c + FOCUS_CELLS] for x, r, c in zip(cells, rows, cols)])
    return pictures, cells


def loss_of(model, pictures, labels, cells, guide, size) -> tuple[torch.Tensor, torch.Tensor]:
    """(what is minimised, cross-entropy alone) of a Taught model."""
    image = resize(to_input(pictures), size / 224, 32)
    logit, cam, places = model(image.contiguous(memory_format=torch.channels_last))
    loss = nn.functional.binary_cross_entropy_with_logits(logit.float()[:, 0], labels)
    if places is None:
        return loss, loss
    target = nn.functional.adaptive_max_pool2d((cells * 1.5).clamp(0, 1)[:, None], cam.shape[2:])
    told = nn.functional.binary_cross_entropy_with_logits(places, target, pos_weight=places.new_tensor(6.0))
    return loss + guide * told, loss


@torch.no_grad()
def scores_of(model, pictures, size=224, device='cpu', batch=32, half=None) -> np.ndarray:
    """Probabilities [N] of [N, 224, 224] uint8 pictures."""
    model.eval()
    found = []
    for at in range(0, len(pictures), batch):
        image = resize(to_input(torch.from_numpy(pictures[at:at + batch]).to(device)), size / 224)
        with mixed(device, half):
            logit, _ = model(image.contiguous(memory_format=torch.channels_last))
        found.append(torch.sigmoid(logit.float())[:, 0].cpu().numpy())
    return np.concatenate(found)


class Taught(nn.Module):
    """What the loop runs: classifier and lesion map in one forward, so that parallel training sees every parameter used.

    image -> (logit, cam, lesion map logits or None).
    """

    def __init__(self, classifier, guided) -> None:
        super().__init__()
        self.classifier, self.guided = classifier, guided

    def forward(self, image) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        logit, cam = self.classifier(image)
        return logit, cam, self.classifier.guide(cam.float()) if self.guided else None


class Run:
    """One training run: model, optimiser, history; saved whole after every epoch."""

    def __init__(self, a, processes) -> None:
        self.a, self.processes, self.device = a, processes, processes.device
        torch.manual_seed(a.seed)
        self.inner = processes.first_then_others(lambda: Classifier(a.network, a.weights)).to(self.device, memory_format=torch.channels_last)
        self.model = Taught(self.inner, a.guide > 0)
        if processes.world > 1:
            self.model = nn.parallel.DistributedDataParallel(self.model, find_unused_parameters=a.guide <= 0)
        self.half = None if a.no_bf16 else half_type(self.device)
        self.scaler = grad_scaler(self.device, self.half)
        guide = [p for n, p in self.inner.named_parameters() if n.startswith('guide_')]
        parameters = [dict(params=list(self.inner.net.parameters()), part=1), dict(params=guide, part=20)]
        self.optimiser = torch.optim.Adam(parameters, a.lr, fused=can_fuse_adam(self.device, self.half)) if a.optimiser == 'adam' else torch.optim.SGD(parameters, a.lr, momentum=0.9)
        self.average = Average(self.inner, a.average) if a.average else None
        self.history, self.epoch, self.steps, self.best, self.since, self.started = [], 0, 0, -1.0, 0, time.time()
        if a.resume and os.path.exists(f'{a.out}/last.pt'):
            self.load()

    def load(self) -> None:
        kept = torch.load(f'{self.a.out}/last.pt', map_location=self.device, weights_only=LOADS_FLOATS)
        self.inner.load_state_dict(kept['model'])
        self.optimiser.load_state_dict(kept['optimiser'])
        self.epoch, self.steps, self.best = kept['epoch'], kept.get('steps', 0), kept['best']
        if self.average:
            self.average.model.load_state_dict(kept.get('average') or kept['model'])
        with open(f'{self.a.out}/history.json', encoding='utf-8') as f:
            self.history = json.load(f)['epochs'][:self.epoch]
        counted = [e for e in self.history if e['epoch'] > self.a.focus_epochs]
        self.since = self.epoch - max(counted, key=lambda e: e['validationAuc'])['epoch'] if counted else self.epoch

    @property
    def deployed(self) -> Classifier:
        """The network that is validated and exported."""
        return self.average.model if self.average else self.inner

    def save(self, better, split) -> None:
        if not self.processes.is_first:
            return
        state = dict(model=self.inner.state_dict(), optimiser=self.optimiser.state_dict(), epoch=self.epoch, steps=self.steps, best=self.best,
                     average=self.average and self.average.model.state_dict())
        torch.save(state, f'{self.a.out}/last.part')
        os.replace(f'{self.a.out}/last.part', f'{self.a.out}/last.pt')
        if better:
            torch.save(dict(model=self.deployed.state_dict(), epoch=self.epoch), f'{self.a.out}/best.pt')
        about = dict(arguments={k: v for k, v in vars(self.a).items() if k not in ('data', 'dataset', 'out', 'cache')}, split=split, epochs=self.history)
        with open(f'{self.a.out}/history.json', 'w', encoding='utf-8') as f:
            json.dump(about, f, indent=1)

    def rate(self, progress) -> float:
        a = self.a
        if a.schedule == 'constant':
            return a.lr
        warm = min(1, progress / 0.03)
        return a.lr * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(progress, 1))))

    def train_epoch(self, pool) -> float:
        a, rng = self.a, np.random.default_rng([self.a.seed, 7, self.epoch])
        narrow = self.epoch < a.focus_epochs
        posterior = np.array([about['posterior'] for about in pool.about]) if narrow else None
        order = self.processes.share_of(rng.permutation(pairs_of(pool, narrow)))
        alike = order.shape[1]
        half = max(1, a.batch // alike)
        steps, losses, began = max(1, len(order) // half), [], time.time()
        self.model.train()
        for step in range(steps):
            pick = order[step * half:(step + 1) * half].ravel()
            pictures, cells, labels = pool.pictures[pick], pool.cells[pick], pool.labels[pick].astype(np.float32)
            if narrow:
                pictures, cells = focus(pictures, cells, posterior[pick])
                labels = labels * (cells.max((1, 2)) > 0.05)
            pictures, cells = augment(pictures, cells, rng, a.flip, alike)
            for group in self.optimiser.param_groups:
                group['lr'] = group['part'] * self.rate(self.progress(step / steps))
            tensors = [torch.from_numpy(np.ascontiguousarray(v)).to(self.device) for v in (pictures, labels.astype(np.float32), cells)]
            with mixed(self.device, self.half):
                total, loss = loss_of(self.model, *tensors, a.guide, a.size)
            self.optimiser.zero_grad(set_to_none=True)
            self.scaler.scale(total).backward()
            if a.clip:
                self.scaler.unscale_(self.optimiser)
                nn.utils.clip_grad_norm_(self.inner.parameters(), a.clip)
            self.scaler.step(self.optimiser)
            self.scaler.update()
            if self.average:
                self.average.update(self.inner, self.steps)
            self.steps += 1
            losses.append(loss.item())
            if self.is_over():
                break
            if (step + 1) % a.every == 0 and self.processes.is_first:
                pace = (step + 1) / (time.time() - began)
                print(f'epoch {self.epoch + 1} step {step + 1}/{steps} loss {np.mean(losses[-a.every:]):.4f} total {total.item():.4f} '
                      f'{pace * a.batch * self.processes.world:.1f} regions/s, epoch ends in {(steps - step - 1) / pace:.0f} s', flush=True)
        return float(np.mean(losses)) if losses else float('nan')

    def progress(self, part) -> float:
        by_epoch = (self.epoch + part) / self.a.epochs
        return max(by_epoch, (time.time() - self.started) / 60 / self.a.minutes) if self.a.minutes else by_epoch

    def is_over(self) -> bool:
        return bool(self.a.minutes) and self.processes.from_first(time.time() - self.started) > 60 * self.a.minutes

    def validate(self, validation) -> float:
        """AUC as the first process finds it: the others' running means differ in the last digits."""
        first = self.processes.is_first
        value = auc(validation.labels, scores_of(self.deployed, validation.pictures, self.a.size, self.device, half=self.half)) if first else 0.0
        return self.processes.from_first(value)

    def go(self, training_pool, validation, split) -> None:
        a = self.a
        while self.epoch < a.epochs and self.since < a.patience:
            loss = self.train_epoch(training_pool(self.epoch))
            value = self.validate(validation)
            self.epoch += 1
            better = value > self.best and self.epoch > a.focus_epochs
            self.best, self.since = (value, 0) if better else (self.best, self.since + 1)
            passed = (time.time() - self.started) / 60
            self.history.append(dict(epoch=self.epoch, loss=round(loss, 5), validationAuc=round(value, 5), minutes=round(passed, 1)))
            self.save(better, split)
            left = passed / max(self.progress(0), 1e-6) - passed
            if self.processes.is_first:
                print(f'epoch {self.epoch} of {a.epochs} loss {loss:.4f} validation AUC {value:.4f}{" best" if better else ""} ETA {max(left, 0):.0f} min', flush=True)
            if self.is_over():
                break


def train_on_dataset(a, processes) -> None:
    """Real regions: no lesion map to teach, none plain enough to begin with; both are switched off and recorded so."""
    a.guide, a.focus_epochs, a.regions, a.validation_regions = 0.0, 0, None, None
    regions = read_dataset(a.dataset)
    training, validation = split_by_patient(regions, a.seed)
    shown, checked = regions.of(training), regions.of(validation)
    if processes.is_first:
        print(f'{len(training)} patients, {len(shown.labels)} regions for training; {len(validation)}, {len(checked.labels)} for validation', flush=True)
    Run(a, processes).go(lambda _: shown, checked, dict(training=training, validation=validation, heldOut=[]))
    processes.leave()


def main() -> None:
    a = arguments()
    if a.threads:
        torch.set_num_threads(a.threads)
    os.makedirs(a.out, exist_ok=True)
    processes = Processes()
    if a.dataset:
        train_on_dataset(a, processes)
        return
    training, validation = split_patients(patients_in(a.data), HELD_OUT)
    split = dict(training=training, validation=validation, heldOut=list(HELD_OUT))
    if processes.is_first:
        print('training', training, 'validation', validation, 'held out', HELD_OUT, flush=True)
    checked = processes.first_then_others(lambda: cached_pool(a.cache, a.data, validation, a.validation_regions, 'validation', workers=a.workers))
    pools = {}

    def pool(epoch) -> Pool | RegionSet:
        which = epoch // a.repeats % a.pools
        if which not in pools:
            pools.clear()
            pools[which] = processes.first_then_others(
                lambda: cached_pool(a.cache, a.data, training, a.regions, 'training', a.seed + 1000 * which, workers=a.workers))
        return pools[which]

    run = Run(a, processes)
    run.go(pool, checked, split)
    processes.leave()


if __name__ == '__main__':
    main()
