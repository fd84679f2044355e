"""The discs of a spine held against one another: worker/spine.ts for what `npm run bench:flags -- --results` wrote.

A scanner or a look that the network does not know raises all scores of a spine, a calcified disc its own. The logit is moved by
WEIGHT times how far it stands above the median of the other discs', then calibrated on the deployed path: untouched discs, and
discs painted one at a time by the painters of the training.
"""
import json
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

WEIGHT = 0.5                   # 0.25 to 1 do nearly the same; the middle was taken before the network was trained that ships
LEAST_OTHERS = 2
CLEARANCE = 0.05               # of a bound above the disc that must not reach it
CALIBRATED_ON = ('plain', 'painted-seen')
BOUNDED_ON = ('plain', 'thick', 'scanner-1', 'scanner-2', 'scanner-3', 'scanner-4', 'scanner-5')


@dataclass(frozen=True)
class Disc:
    """One disc of one variant. logit: of the region alone; above: minus the median of its spine's others, 0 where there are too few."""
    source: str
    variant: str
    logit: float
    above: float
    painted: bool

    @property
    def moved(self) -> float:
        return self.logit + WEIGHT * self.above


def logit(p) -> float:
    inside = min(1 - 2.0 ** -24, max(2.0 ** -149, p))
    return float(np.log(inside / (1 - inside)))


def clean_of(variant) -> str:
    """The variant a painted one was painted over."""
    for painter in ('painted-seen', 'painted-unseen', 'trace'):
        if variant.startswith(painter):
            return variant[len(painter):].lstrip('-') or 'plain'
    return variant


def read_discs_told(path, network, furthest) -> list[Disc]:
    """Every disc of `network` whose features lie no further off than `furthest`."""
    spines = defaultdict(dict)
    with open(path, encoding='utf-8') as f:
        for line in f:
            for one in json.loads(line)['told']:
                if one['network'] == network and one['distance'] <= furthest:
                    alone = one.get('alone')
                    spines[one['source'], one['series'], one['variant']][one['level']] = (logit(one['probability'] if alone is None else alone), one['painted'])
    found = []
    for (source, series, variant), discs in spines.items():
        clean = spines.get((source, series, clean_of(variant)), {})
        for level, (own, painted) in discs.items():
            others = [value for other, (value, _) in clean.items() if other != level]
            above = own - float(np.median(others)) if len(others) >= LEAST_OTHERS else 0.0
            found.append(Disc(source, variant, own, above, painted is not None))
    return found


def calibrated(discs, prevalence) -> tuple[float, float]:
    """(scale, shift) of the moved logit: logistic regression by Newton's steps, the painted weighted to `prevalence` of all."""
    x, y, weight = weighted(discs, prevalence)
    x, at = np.stack([x, np.ones(len(x))], 1), np.array([1.0, 0.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ at))
        slope = (x * (weight * p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(2)
        at = at + np.clip(np.linalg.solve(slope, x.T @ (weight * (y - p))), -0.5, 0.5)
    return float(at[0]), float(at[1])


def weighted(discs, prevalence) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(moved logits, calcified or not, weights whose mean is 1) of those that are calibrated on."""
    kept = [d for d in discs if d.variant in CALIBRATED_ON]
    y = np.array([d.painted for d in kept], float)
    share = y.mean()
    weight = np.where(y > 0, prevalence / share, (1 - prevalence) / (1 - share))
    return np.array([d.moved for d in kept]), y, weight


def probability(moved, scale, shift) -> np.ndarray:
    return 1 / (1 + np.exp(-(scale * np.asarray(moved) + shift)))


def bound(discs, flagged) -> float:
    """The moved logit that at most `flagged` of the untouched discs reach, of any source as it is, in thick slices, and under the drawn scanners."""
    of = defaultdict(list)
    for d in discs:
        if d.variant in BOUNDED_ON:
            of[d.source, d.variant.split('-')[0]].append(d.moved)
    return max(just_above(sorted(own, reverse=True), int(flagged * len(own))) for own in of.values())


def just_above(falling, count) -> float:
    """A bound that the first `count` of these values reach, and the next one does not."""
    gap = falling[count - 1] - falling[count] if count else 2 * CLEARANCE
    return falling[count] + min(CLEARANCE, gap / 2)


def flagged(discs, least) -> dict:
    """By source, then variant: how many discs are told, and what share has a moved logit of `least` or more."""
    of = defaultdict(lambda: defaultdict(list))
    for d in discs:
        of[d.source][d.variant].append(d.moved >= least)
    return {source: {variant: dict(told=len(own), flagged=round(float(np.mean(own)), 4)) for variant, own in variants.items()} for source, variants in of.items()}


def reliability(discs, scale, shift, prevalence) -> list[dict]:
    """What share is calcified where the probability says so, at `prevalence`."""
    x, y, weight = weighted(discs, prevalence)
    p = probability(x, scale, shift)
    cut = np.digitize(p, [0.1, 0.3, 0.5, 0.7, 0.9, 0.98])
    return [dict(said=round(float(np.average(p[cut == k], weights=weight[cut == k])), 3), found=round(float(np.average(y[cut == k], weights=weight[cut == k])), 3),
                 regions=int((cut == k).sum())) for k in range(7) if (cut == k).any()]
