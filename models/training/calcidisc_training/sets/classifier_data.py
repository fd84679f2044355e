"""Sets of simulated regions from SPIDER slices: split by patient, the same for the same seed, kept in a file.

Held-out patients (spider.HELD_OUT) are the internal test with the source's own contrast, and the external test after
simulate_site.external_site with other lesions: the same anatomy, another site. Neither is used for training,
early stopping or the threshold.
"""
import hashlib
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from ..spine.levels import LUMBAR
from ..spine.spacing import SOURCE_SPACING_MM
from .simulate import CANAL_VALUE, CELLS, Anatomy, Region, anatomy_of, simulate_region
from .simulate_params import SIMULATION

MIDDLE_SHARE = 0.6             # slices about the midline: what the locator hands over
MIN_DISC_PX = 250
CANAL_BEHIND_MM, CANAL_PIXELS = 10.0, 60
SITE_SEEDS = dict(training=1, validation=2, internal=3, external=4)


@dataclass(frozen=True)
class Pool:
    """pictures [N, 224, 224] uint8, labels [N] uint8, cells [N, 7, 7] float32, patients [N], about: list of dicts."""
    pictures: np.ndarray
    labels: np.ndarray
    cells: np.ndarray
    patients: np.ndarray
    about: list


def split_patients(patients, held_out, seed=1, validation_share=0.2) -> tuple[list[int], list[int]]:
    """(training, validation): 8:2 by patient of those not held out."""
    rest = sorted(set(patients) - set(held_out))
    order = np.random.default_rng([seed, 82]).permutation(rest)
    count = max(1, round(validation_share * len(rest)))
    return sorted(int(p) for p in order[count:]), sorted(int(p) for p in order[:count])


def has_canal_behind(anatomy) -> bool:
    """Whether the slice shows the canal behind this disc: at the side it does not, and no herniation can be seen."""
    point, behind, down, _, _ = anatomy.frame
    offset = (np.argwhere(anatomy.mask == CANAL_VALUE) - point) * anatomy.spacing_mm
    t, s = offset @ behind, offset @ down
    return int(((t > 0) & (t < CANAL_BEHIND_MM) & (np.abs(s) < 4)).sum()) >= CANAL_PIXELS


def patient_anatomies(folder, patient) -> list[tuple[int, int, Anatomy]]:
    """[(slice number, disc order from below, Anatomy)] of the middle slices of one patient."""
    from ..spine.spider import disc_bodies, read_volume
    numbers, grey, masks = read_volume(folder, patient)
    labels, _ = disc_bodies(masks == 29)
    cut = int(round(len(numbers) * (1 - MIDDLE_SHARE) / 2))
    found = []
    for i in range(cut, len(numbers) - cut):
        for order in range(1, len(LUMBAR) + 1):
            disc = labels[i] == order
            if disc.sum() < MIN_DISC_PX:
                continue
            anatomy = anatomy_of(grey[i], masks[i], disc, SOURCE_SPACING_MM)
            if has_canal_behind(anatomy):
                found.append((numbers[i], order, anatomy))
    return found


def make_part(folder, patient, count, site, seed) -> list[Region]:
    """`count` regions of one patient, half of them calcified.

    In training regions 2k and 2k + 1 are twins: the same slice, herniation, look-alikes and noise without and with a
    calcification. Every other set draws each region on its own.
    """
    anatomies = patient_anatomies(folder, patient)
    regions = []
    for i in range(count):
        twin = i // 2 if site == 'training' else i
        rng = np.random.default_rng([seed, SITE_SEEDS[site], patient, twin])
        number, order, anatomy = anatomies[rng.integers(len(anatomies))]
        region = simulate_region(anatomy, i % 2, rng, site='internal' if site == 'validation' else site)
        region.about.update(slice=int(number), disc=int(order))
        regions.append(region)
    return regions


def make_pool(folder, patients, count, site, seed=1, workers=1) -> Pool:
    """A Pool of about `count` regions, the same number from each patient and half of them calcified."""
    each = max(2, 2 * round(count / len(patients) / 2))
    jobs = [(folder, p, each, site, seed) for p in patients]
    if workers > 1:
        with ProcessPoolExecutor(workers) as executor:
            parts = list(executor.map(make_part, *zip(*jobs)))
    else:
        parts = [make_part(*job) for job in jobs]
    regions = [r for part in parts for r in part]
    return Pool(np.stack([r.picture for r in regions]), np.array([r.label for r in regions], np.uint8),
                np.stack([r.cells for r in regions]).reshape(-1, CELLS, CELLS),
                np.repeat(np.array(patients), each), [r.about for r in regions])


def pool_key(patients, count, site, seed) -> str:
    text = json.dumps([SIMULATION, 'twins', sorted(patients), count, site, seed], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def cached_pool(cache, folder, patients, count, site, seed=1, workers=1) -> Pool:
    """make_pool, kept as cache/<key>.npz; the key covers every parameter of the simulation."""
    if not cache:
        return make_pool(folder, patients, count, site, seed, workers=workers)
    path = os.path.join(cache, f'{site}-{pool_key(patients, count, site, seed)}.npz')
    if not os.path.exists(path):
        os.makedirs(cache, exist_ok=True)
        pool = make_pool(folder, patients, count, site, seed, workers=workers)
        part = f'{path}.{os.getpid()}.part.npz'
        np.savez(part, pictures=pool.pictures, labels=pool.labels, cells=pool.cells, patients=pool.patients, about=json.dumps(pool.about))
        os.replace(part, path)
    with np.load(path) as kept:
        return Pool(kept['pictures'], kept['labels'], kept['cells'], kept['patients'], json.loads(str(kept['about'])))
