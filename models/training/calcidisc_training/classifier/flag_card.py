"""Write models/resnet34/<version> from a run of train_flags: ONNX, its bounds and figures, the card.

    python -m calcidisc_training.classifier.flag_card --start ../resnet34/2/model.onnx --chunks chunks --run runs/flags --out ../resnet34/3 --version 3
        [--deployed plain.jsonl]

The bounds come from the patients that were held out: how far a region's features may lie, then the score that at most
ORDINARY of the untouched discs reach in either source. --deployed: what `npm run bench:flags -- --results` wrote of the same
patients with the file that a first call without it made (variants of within_spine.BOUNDED_ON and CALIBRATED_ON): then each disc is
held against its spine's others, and the bounds are of that. Nothing here is chosen on the painter that measures.
"""
import argparse
import json
import os

import numpy as np
import torch

from ..common.export import SPIDER_ATTRIBUTION, SPIDER_SOURCE, export_onnx, write_card
from ..sets.flag_sets import SHARES
from ..sets.painters import LEAST, LUMP, PAINTERS, TRACES
from ..sets.scanner import SCANNER
from . import within_spine
from .classifier_metrics import auc
from .classifier_net import MEAN, STD, to_input
from .flag_head import SIZE, DeployedFlags, Distance
from .parity import TOLERANCE, check_parity, parity_pictures, write_parity
from .train_flags import KNOWN_LOOKS, Flags, chunk_names
from .warm_start import resnet34_from_onnx

ORDINARY = 0.04                # share of a source's untouched discs that may be flagged: 5% are allowed, and others will differ
DEPLOYED = 0.04                # through the deployed path, each disc held against its spine's others
BAND = 0.04                    # as many again are called indeterminate
FAR = 0.04                     # share of the known regions that are further off than what is answered on
SCALES = (0.3, 3.0)            # of a calibration: beyond, there is too little to calibrate on
CLEAR = dict(visibility=25, areaMm2=8)
SUDIRMAN = ('Sudirman et al., "Lumbar Spine MRI Dataset", Mendeley Data V2, doi 10.17632/k57fr854j2.2, CC BY 4.0; PNGs as published by henryagyare/Spine_LBP')


class Held:
    """What the network said of regions whose patient it had not seen."""

    def __init__(self, path) -> None:
        with np.load(path) as kept:
            self.scores, self.distances, self.labels, self.patients = (kept[k] for k in ('scores', 'distances', 'labels', 'patients'))
            self.about = json.loads(str(kept['about']))
        self.source = np.array([one['source'] for one in self.about])
        self.kind = np.array([one['kind'] for one in self.about])
        self.clear = np.array([all(one.get(k, 0) >= least for k, least in CLEAR.items()) for one in self.about])

    def untouched(self, source) -> np.ndarray:
        return (self.source == source) & (self.kind == 'untouched')


def calibrated(held: Held) -> tuple[float, float]:
    """(scale, shift) of the logit: logistic regression by Newton's steps, on the known sources."""
    keep = np.isin(held.source, KNOWN_LOOKS)
    x, y, at = np.stack([held.scores[keep], np.ones(keep.sum())], 1), held.labels[keep].astype(float), np.array([1.0, 0.0])
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ at))
        at = at + np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(2), x.T @ (y - p))
    return float(np.clip(at[0], *SCALES)), float(at[1])


def bounds_of(held: Held) -> tuple[float, float, float]:
    """(largest distance, threshold, from where on indeterminate), the last two as logits."""
    known = np.isin(held.source, KNOWN_LOOKS)
    furthest = float(np.quantile(held.distances[known], 1 - FAR))
    near = held.distances <= furthest
    told = [held.scores[held.untouched(s) & near] for s in KNOWN_LOOKS]
    return furthest, max(float(np.quantile(t, 1 - ORDINARY)) for t in told), max(float(np.quantile(t, 1 - ORDINARY - BAND)) for t in told)


def share(values) -> float | None:
    return round(float(np.mean(values)), 4) if len(values) else None


def figures(held: Held, furthest, threshold, doubtful) -> dict:
    """Everything the card says of those held out."""
    near, flagged = held.distances <= furthest, held.scores >= threshold
    doubt = near & (held.scores >= doubtful) & ~flagged
    rows = {}
    for source in sorted(set(held.source)):
        own, clear = held.untouched(source), (held.source == source) & held.clear & (held.labels == 1)
        rows[source] = dict(untouched=int(own.sum()), notAssessable=share(~near[own]), indeterminate=share(doubt[own]), flaggedOfTold=share(flagged[own & near & ~doubt]),
                            clearlyVisible=int(clear.sum()), clearlyVisibleFlaggedOfTold=share(flagged[clear & near & ~doubt]))
    known = np.isin(held.source, KNOWN_LOOKS) & near
    untouched, clear = known & (held.kind == 'untouched'), known & held.clear & (held.labels == 1)
    painters = {p: share(flagged[clear & np.array([one.get('painter') == p for one in held.about])]) for p in PAINTERS}
    both = np.concatenate([held.scores[untouched], held.scores[clear]])
    return dict(heldOut=rows, tracesFlagged=share(flagged[known & (held.kind == 'trace')]), clearlyVisibleByPainter=painters,
                aucClearAgainstUntouched=round(auc(np.repeat([0, 1], [untouched.sum(), clear.sum()]), both), 4))


def reliability(held: Held, scale, shift) -> list[dict]:
    """What share is calcified where the probability says so, at the share of calcified ones in the sets."""
    keep = np.isin(held.source, KNOWN_LOOKS)
    p = 1 / (1 + np.exp(-(held.scores[keep] * scale + shift)))
    cut = np.digitize(p, [0.1, 0.3, 0.5, 0.7, 0.9, 0.98])
    return [dict(said=round(float(p[cut == k].mean()), 3), found=share(held.labels[keep][cut == k]), regions=int((cut == k).sum())) for k in range(7) if (cut == k).any()]


def shares_of(chunks) -> str:
    """How many of the training's regions are of which kind."""
    kinds = [one['kind'] for path in chunk_names(chunks, 'training') for one in json.loads(str(np.load(path)['about']))]
    return f'{len(kinds)} regions: ' + ', '.join(f'{100 * kinds.count(k) / len(kinds):.0f}% {k}' for k in SHARES)


def certainty(logit, scale, shift) -> float:
    return float(1 / (1 + np.exp(-(logit * scale + shift))))


class Bounds:
    """What the card decides by. threshold, doubtful: probabilities, within the spine where `within` is not None."""

    def __init__(self, held: Held) -> None:
        self.furthest, self.logit, self.doubtful_logit = bounds_of(held)
        self.scale, self.shift = calibrated(held)
        self.prevalence = round(float(held.labels[np.isin(held.source, KNOWN_LOOKS)].mean()), 4)
        self.threshold, self.doubtful = (certainty(z, self.scale, self.shift) for z in (self.logit, self.doubtful_logit))
        self.reliability, self.within, self.deployed = reliability(held, self.scale, self.shift), None, None

    def hold_within_spine(self, discs) -> None:
        """discs: within_spine.Disc of what the deployed path said of these held-out patients."""
        scale, shift = within_spine.calibrated(discs, self.prevalence)
        self.threshold, self.doubtful = (float(within_spine.probability(within_spine.bound(discs, share), scale, shift)) for share in (DEPLOYED, DEPLOYED + BAND))
        self.deployed = within_spine.flagged(discs, within_spine.bound(discs, DEPLOYED))
        self.reliability = within_spine.reliability(discs, scale, shift, self.prevalence)
        self.within = dict(weight=within_spine.WEIGHT, scale=round(scale, 6), shift=round(shift, 6),
                           rule='logit plus weight times how far it stands above the median of the spine\'s other discs that can be assessed, then scaled and shifted; '
                                'calibrated on the deployed path over untouched discs and ones painted one at a time by the training\'s painters')

    @property
    def said(self) -> str:
        if self.within is None:
            return (f'at most {100 * ORDINARY:.0f}% of the untouched discs of either source flagged, of patients held out, under drawn scanners; the {100 * BAND:.0f}% below are indeterminate')
        return (f'at most {100 * DEPLOYED:.0f}% of the untouched discs flagged through the deployed path, each held against its spine\'s others, of patients held out: of either source as it is, '
                f'of thick slices, and of five drawn scanners together; the {100 * BAND:.0f}% below are indeterminate')


def card_of(version, trained, patients, shares, bounds, held, parity, start) -> dict:
    return dict(
        name='resnet34', version=str(version), kind='classifier', simulated=True,
        description='ResNet-34 that gives the probability that a lumbar disc region on sagittal T2 MR is calcified, and says where it cannot tell. Its negatives are real, '
                    'untouched discs; its positives are SIMULATED calcification drawn over them: no figure here says anything about real calcification.',
        input=dict(name='image', type='float32', shape=['N', 3, 224, 224],
                   region='disc extent plus 10 mm on each side, 224 by 224, 8-bit grey from percentiles 1 to 99.5 of the slice; canal to the right',
                   channels='grey / 255 three times', normalisation=dict(scale=1 / 255, mean=list(MEAN), std=list(STD))),
        outputs=[dict(name='probability', type='float32', shape=['N', 1], meaning='calibrated at the share of calcified ones in the training sets; calcified at or above the threshold'),
                 dict(name='cam', type='float32', shape=['N', 1, 7, 7], meaning='the head\'s map of 8 by 8 logits brought to 7 by 7; the score is the logarithm of its mean exponential'),
                 dict(name='distance', type='float32', shape=['N', 1], meaning='of the region\'s features from the training\'s, root mean square of whitened components, about 1')],
        threshold=round(bounds.threshold, 6), indeterminateFrom=round(bounds.doubtful, 6), thresholdFrom=bounds.said, **({'withinSpine': bounds.within} if bounds.within else {}),
        assessable=dict(maxDistance=round(bounds.furthest, 4), rule=f'{100 * FAR:.0f}% of the known sources\' regions under drawn scanners lie further off'),
        calibration=dict(prevalence=bounds.prevalence, reliability=bounds.reliability),
        trainingData=dict(source=SPIDER_SOURCE, attribution=f'{SPIDER_ATTRIBUTION}. Held out for the bounds: {SUDIRMAN}', patients=patients, heldOut=sorted(set(held.patients)),
                          split='by patient: whom the bounds were chosen on is in no training, neither of the trunk nor of this; the second source is held out whole', simulated=True,
                          regions='real discs cut by the deployed localiser on every slice within 9 mm of the middle; ' + shares,
                          painters=dict(shares=PAINTERS, traces=TRACES, lump=LUMP, least=LEAST), scanner=SCANNER),
        training=dict(networkSize=SIZE, startedFrom=start, steps=trained['steps'], minutes=round(trained['seconds'] / 60, 1),
                      notAsInTheStudy='128 by 128 inside the graph, from the weights of the file named, which never saw ImageNet; instead of one average over the last stage '
                      'a head of two 3 by 3 convolutions over the maps of the last two'),
        metrics=dict(figures(held, bounds.furthest, bounds.logit, bounds.doubtful_logit), **({'deployed': bounds.deployed} if bounds.deployed else {}),
                     parityWithPyTorch=dict(largestProbabilityDifference=float(f'{parity:.2e}'), tolerance=TOLERANCE)),
        licence='Weights CC BY 4.0, as the training data asks',
        limits=['Calcification is simulated. The network has seen no real calcified disc, and no CT ever confirmed its labels.',
                'The untouched discs count as not calcified; a few per cent of them may be.',
                'Learnt from 24 patients of one 3D T2 SPACE collection; other scanners are drawn, not met. The bounds rest on 5 more and on about five people of one clinic.',
                'Small, faint or annular calcification is missed.',
                'Research software; not a medical device.'],
        intendedUse='Research and software testing: to carry a probability through Calcidisc. Not for diagnosis.')


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--start', required=True)
    p.add_argument('--chunks', required=True)
    p.add_argument('--run', required=True)
    p.add_argument('--out', required=True)
    p.add_argument('--version', required=True)
    p.add_argument('--deployed', help='results of bench:flags on the held-out patients, untouched')
    a = p.parse_args()
    held = Held(os.path.join(a.run, 'held.npz'))
    trained = torch.load(os.path.join(a.run, 'last.pt'), map_location='cpu')
    flags, distance = Flags(*resnet34_from_onnx(a.start)), Distance()
    flags.load_state_dict(trained['average'])
    distance.load_state_dict(torch.load(os.path.join(a.run, 'distance.pt'), map_location='cpu'))
    patients = sorted({str(p) for path in chunk_names(a.chunks, 'training') for p in np.load(path)['patients']})
    bounds = Bounds(held)
    if a.deployed:
        bounds.hold_within_spine(within_spine.read_discs_told(a.deployed, f'resnet34@{a.version}', bounds.furthest))
    os.makedirs(a.out, exist_ok=True)
    path = os.path.join(a.out, 'model.onnx')
    deployed = DeployedFlags(flags.net, flags.head, distance, bounds.scale, bounds.shift).eval()
    names = ['probability', 'cam', 'distance']
    export_onnx(deployed, to_input(torch.from_numpy(parity_pictures(2))), path, ['image'], names, {k: {0: 'N'} for k in ('image', *names)})
    parity = check_parity(deployed, path)
    write_parity(deployed, a.out)
    card = card_of(a.version, trained, patients, shares_of(a.chunks), bounds, held, parity, '/'.join(os.path.normpath(a.start).split(os.sep)[-3:-1]))
    write_card(a.out, card)
    print(json.dumps({k: card.get(k) for k in ('threshold', 'indeterminateFrom', 'withinSpine', 'assessable', 'calibration', 'metrics')}, indent=1))


if __name__ == '__main__':
    main()
