"""Figures of a two-class test, numpy only: AUC, Youden's threshold, counts at a threshold, bootstrap intervals."""
import numpy as np


def auc(labels, scores) -> float:
    """Area under the ROC curve by ranks, ties counted half. NaN where one class is missing."""
    labels, scores = np.asarray(labels, bool), np.asarray(scores, float)
    positives, negatives = labels.sum(), (~labels).sum()
    if not positives or not negatives:
        return float('nan')
    values, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def youden_threshold(labels, scores) -> float:
    """The score with the largest sensitivity + specificity - 1, midway to the next lower score; calcified is >= it."""
    labels, scores = np.asarray(labels, bool), np.asarray(scores, float)
    levels = np.unique(scores)
    cuts = np.concatenate([[levels[0]], (levels[1:] + levels[:-1]) / 2])
    index = [(scores[labels] >= c).mean() - (scores[~labels] >= c).mean() for c in cuts]
    return float(cuts[int(np.argmax(index))])


def at_threshold(labels, scores, threshold) -> dict:
    labels, said = np.asarray(labels, bool), np.asarray(scores) >= threshold
    tp, fp, fn, tn = (int(v) for v in ((said & labels).sum(), (said & ~labels).sum(), (~said & labels).sum(), (~said & ~labels).sum()))

    def share(a, b) -> float | None:
        return round(a / b, 4) if b else None

    return dict(truePositive=tp, falsePositive=fp, falseNegative=fn, trueNegative=tn,
                accuracy=share(tp + tn, len(labels)), sensitivity=share(tp, tp + fn), specificity=share(tn, tn + fp),
                precision=share(tp, tp + fp), negativePredictiveValue=share(tn, tn + fn), f1=share(2 * tp, 2 * tp + fp + fn))


def bootstrap_auc(labels, scores, groups, rounds=2000, seed=1) -> list[float]:
    """95% interval of the AUC, whole groups (discs) drawn with replacement: regions of one disc are not independent."""
    labels, scores = np.asarray(labels), np.asarray(scores)
    members = [np.flatnonzero(np.asarray(groups) == g) for g in np.unique(groups)]
    rng, values = np.random.default_rng(seed), []
    for _ in range(rounds):
        drawn = np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])
        values.append(auc(labels[drawn], scores[drawn]))
    return [round(float(v), 4) for v in np.nanpercentile(values, [2.5, 97.5])]


def report(labels, scores, groups, threshold) -> dict:
    return dict(regions=len(labels), calcified=int(np.sum(labels)), groups=len(set(groups)), auc=round(auc(labels, scores), 4),
                aucInterval95=bootstrap_auc(labels, scores, groups), threshold=round(float(threshold), 6), **at_threshold(labels, scores, threshold))
