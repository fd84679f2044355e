"""Train the last stage of a ResNet-34 to say no to real untouched discs, from what flag_chunks wrote.

    python -m calcidisc_training.classifier.train_flags --chunks chunks --start ../resnet34/2/model.onnx --out runs/flag0 --fold 0
    python -m calcidisc_training.classifier.train_flags --chunks chunks --start ../resnet34/2/model.onnx --out runs/flag --fold all

The first three stages stay as they came: their maps are in the chunks, so that a step costs a tenth of a whole one's.
A fold holds out the patients of spine/folds.json (merged to three) and, in the last, all of Sudirman's, whose slices do not
say whose they are. Writes last.pt after every epoch (goes on from there) and held.npz: the scores of whom it held out.
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
from ..spine.folds import make_folds
from .classifier_metrics import auc
from .warm_start import resnet34_from_onnx

MERGED = ((0, 1), (2, 3), (4,))
OTHERS = 'SUD'                 # patients of the source that joins the last fold
GUIDE, NEGATIVE_WEIGHT = 0.5, 1.5
WEIGHT_DECAY, CLIP, AVERAGE = 1e-2, 2.0, 0.995


def held_out(patients, fold) -> np.ndarray:
    """[N] bool: whose regions a fold holds out. patients: 'SPIDER107', 'SUD31'."""
    if fold == 'all':
        return np.zeros(len(patients), bool)
    numbers = sorted({int(p[6:]) for p in patients if p.startswith('SPIDER')})
    folds = make_folds(numbers)
    held = {f'SPIDER{n}' for k in MERGED[int(fold)] for n in folds[k]}
    last = int(fold) == len(MERGED) - 1
    return np.array([p in held or (last and p.startswith(OTHERS)) for p in patients])


class Head(nn.Module):
    """maps [N, 256, 8, 8] -> (logit [N], cam [N, 4, 4]): the last stage and the classifier, normalisation frozen."""

    def __init__(self, net) -> None:
        super().__init__()
        self.layer4, self.fc = net.layer4, net.get_classifier()
        self.guide_scale, self.guide_bias = nn.Parameter(torch.tensor(0.7)), nn.Parameter(torch.tensor(-1.2))

    def forward(self, maps) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.layer4(maps)
        cam = nn.functional.conv2d(features, self.fc.weight[:, :, None, None], self.fc.bias)[:, 0]
        return cam.float().mean((1, 2)), cam.float()

    def train(self, mode=True) -> nn.Module:
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


def read_chunks(folder) -> dict:
    """Every chunk's arrays joined, pictures left in their files."""
    parts, about = [], []
    names = sorted(n for n in os.listdir(folder) if n.endswith('.npz') and '.part' not in n)
    for name in names:
        with np.load(os.path.join(folder, name)) as kept:
            parts.append({k: kept[k] for k in ('labels', 'cells', 'patients', 'maps')})
            about += json.loads(str(kept['about']))
    if not parts:
        raise FileNotFoundError(f'no chunk-K.npz in {folder}: flag_chunks writes them')
    return dict({k: np.concatenate([p[k] for p in parts]) for k in parts[0]}, about=about)


def loss_of(logit, cam, head, labels, cells) -> torch.Tensor:
    weight = torch.where(labels > 0.5, 1.0, NEGATIVE_WEIGHT)
    loss = nn.functional.binary_cross_entropy_with_logits(logit, labels, weight=weight)
    target = nn.functional.adaptive_max_pool2d((cells * 1.5).clamp(0, 1)[:, None], cam.shape[1:])[:, 0]
    places = (cam - cam.mean()) * head.guide_scale + head.guide_bias
    return loss + GUIDE * nn.functional.binary_cross_entropy_with_logits(places, target, pos_weight=cam.new_tensor(5.0))


@torch.no_grad()
def scores_of(head, maps, batch=128) -> np.ndarray:
    """Logits [N]."""
    head.eval()
    found = []
    for at in range(0, len(maps), batch):
        with mixed('cpu', half_type('cpu')):
            found.append(head(torch.from_numpy(maps[at:at + batch]).float())[0].numpy())
    return np.concatenate(found) if found else np.zeros(0)


def told(labels, scores) -> str:
    """AUC, and the share of calcified ones hit where 5% of the others are flagged."""
    if len(set(labels)) < 2:
        return ''
    bound = np.quantile(scores[labels == 0], 0.95)
    return f'held out: AUC {auc(labels, scores):.4f}, hit at 5% {np.mean(scores[labels == 1] > bound):.3f}'


class Run:
    def __init__(self, a) -> None:
        self.a = a
        torch.manual_seed(1)
        self.head = Head(resnet34_from_onnx(a.start)).to(memory_format=torch.channels_last)
        self.average = Average(self.head, AVERAGE)
        self.optimiser = torch.optim.AdamW(self.head.parameters(), a.lr, weight_decay=WEIGHT_DECAY)
        self.epoch, self.steps = 0, 0
        path = os.path.join(a.out, 'last.pt')
        if os.path.exists(path):
            kept = torch.load(path, map_location='cpu')
            self.head.load_state_dict(kept['head'])
            self.average.model.load_state_dict(kept['average'])
            self.optimiser.load_state_dict(kept['optimiser'])
            self.epoch, self.steps = kept['epoch'], kept['steps']

    def save(self) -> None:
        path = os.path.join(self.a.out, 'last.pt')
        torch.save(dict(head=self.head.state_dict(), average=self.average.model.state_dict(), optimiser=self.optimiser.state_dict(),
                        epoch=self.epoch, steps=self.steps), path + '.part')
        os.replace(path + '.part', path)

    def train_epoch(self, data, rows) -> float:
        a, losses = self.a, []
        order = np.random.default_rng([7, self.epoch]).permutation(rows)
        steps = len(order) // a.batch
        self.head.train()
        for step in range(steps):
            pick = np.sort(order[step * a.batch:(step + 1) * a.batch])
            done = (self.epoch + step / steps) / a.epochs
            for group in self.optimiser.param_groups:
                group['lr'] = a.lr * min(1, done / 0.04 + 0.02) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(done, 1))))
            with mixed('cpu', half_type('cpu')):
                logit, cam = self.head(torch.from_numpy(data['maps'][pick]).float())
            loss = loss_of(logit, cam, self.head, torch.from_numpy(data['labels'][pick]).float(), torch.from_numpy(data['cells'][pick]))
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.head.parameters(), CLIP)
            self.optimiser.step()
            self.average.update(self.head, self.steps)
            self.steps += 1
            losses.append(loss.item())
        self.epoch += 1
        return float(np.mean(losses))


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--chunks', required=True)
    p.add_argument('--start', required=True, help='the models/resnet34 file whose maps the chunks hold')
    p.add_argument('--out', required=True)
    p.add_argument('--fold', choices=['0', '1', '2', 'all'], default='all')
    p.add_argument('--epochs', type=int, default=4)
    p.add_argument('--batch', type=int, default=48)
    p.add_argument('--lr', type=float, default=3e-4)
    a = p.parse_args()
    torch.set_num_threads(1)
    os.makedirs(a.out, exist_ok=True)
    data = read_chunks(a.chunks)
    held = held_out(data['patients'], a.fold)
    rows = np.flatnonzero(~held)
    print(f"{len(rows)} regions of {len(set(data['patients'][rows]))} patients or slices; {held.sum()} held out", flush=True)
    run, began = Run(a), time.time()
    while run.epoch < a.epochs:
        loss = run.train_epoch(data, rows)
        run.save()
        scores = scores_of(run.average.model, data['maps'][held])
        print(f"epoch {run.epoch} of {a.epochs} loss {loss:.4f} {told(data['labels'][held], scores)} after {(time.time() - began) / 60:.1f} min", flush=True)
        about = [one for one, out in zip(data['about'], held) if out]
        np.savez(os.path.join(a.out, 'held.npz'), scores=scores, labels=data['labels'][held], patients=data['patients'][held], about=json.dumps(about))


if __name__ == '__main__':
    main()
