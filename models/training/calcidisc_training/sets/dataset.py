"""Reads what `calcidisc dataset export` wrote: labelled regions of real patients, for training.

    python -m calcidisc_training.sets.dataset export/            # check the folder and say what is in it

The folder holds labels.csv and the PNG files it names (224 by 224, 8-bit grey); the same that `calcidisc evaluate`
reads and write_dataset writes. Where there is a SHA256SUMS, every file is held to it before a pixel is used.
Needs numpy and Pillow only.
"""
from __future__ import annotations

import csv
import hashlib
import os
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

from ..spine.levels import LUMBAR

SIDE = 224
CELLS = 7
LABELS = {'calcified': 1, '1': 1, 'not-calcified': 0, '0': 0, 'indeterminate': None}
TABLE, SUMS = 'labels.csv', 'SHA256SUMS'


class DatasetError(ValueError):
    """The folder is not a data set, or not the one that was exported. Names the file and the line."""


@dataclass(frozen=True)
class RegionSet:
    """pictures [N, 224, 224] uint8, labels [N] uint8, patients [N] str, about: the table's lines as dicts.

    Has what a simulated Pool has but one thing: where a real lesion lies is not known, so cells is zero everywhere,
    and no region has a twin.
    """
    pictures: np.ndarray
    labels: np.ndarray
    patients: np.ndarray
    about: list
    is_twinned = False

    @cached_property
    def cells(self) -> np.ndarray:
        return np.zeros((len(self.labels), CELLS, CELLS), np.float32)

    def of(self, patients) -> RegionSet:
        """The regions of these patients, in their order."""
        keep = np.flatnonzero(np.isin(self.patients, list(patients)))
        return RegionSet(self.pictures[keep], self.labels[keep], self.patients[keep], [self.about[i] for i in keep])


def read_dataset(folder) -> RegionSet | None:
    """The RegionSet of a folder; lines whose label is indeterminate are left out.

    Raises DatasetError for a missing or changed file, a picture of another size or kind, a value that is none, and a
    table without both labels.
    """
    check_sums(folder)
    rows = [row for row in read_table(os.path.join(folder, TABLE)) if LABELS[row['label']] is not None]
    labels = np.array([LABELS[row['label']] for row in rows], np.uint8)
    if len(set(labels)) < 2:
        raise DatasetError(f'{os.path.join(folder, TABLE)} needs regions of both labels, has {dict(Counter(r["label"] for r in rows))}')
    pictures = np.stack([read_picture(folder, row['file']) for row in rows])
    return RegionSet(pictures, labels, np.array([row['patient'] for row in rows]), rows)


def read_table(path) -> list[dict] | None:
    """Lines of labels.csv as dicts; comma or semicolon between values, as spreadsheets write it."""
    try:
        with open(path, newline='', encoding='utf-8-sig') as f:
            text = f.read()
    except OSError as error:
        raise DatasetError(f'cannot read {path}: {error.strerror}') from error
    head = text.split('\n', 1)[0]
    reader = csv.DictReader(text.splitlines(), delimiter=';' if ';' in head else ',', strict=True)
    missing = {'file', 'patient', 'level', 'label'} - set(reader.fieldnames or ())
    if missing:
        raise DatasetError(f'{path} has no column {", ".join(sorted(missing))}')
    rows = []
    for row in reader:
        where = f'{path}, line {reader.line_num}'
        if None in row or None in row.values():
            raise DatasetError(f'{where}: other columns than the header')
        rows.append(checked({k.strip(): v.strip() for k, v in row.items()}, where))
    doubled = [file for file, count in Counter(row['file'] for row in rows).items() if count > 1]
    if doubled:
        raise DatasetError(f'{path} names {doubled[0]} twice')
    return rows


def checked(row, where) -> dict | None:
    if row['label'] not in LABELS:
        raise DatasetError(f'{where}: label {row["label"]!r} is none of {", ".join(LABELS)}')
    if row['level'] not in LUMBAR:
        raise DatasetError(f'{where}: level {row["level"]!r} is none of {", ".join(reversed(LUMBAR))}')
    if not row['patient']:
        raise DatasetError(f'{where}: no patient; without one the set cannot be split by patient')
    if not is_inside(row['file']):
        raise DatasetError(f'{where}: {row["file"]!r} does not lie in the folder')
    return row


def is_inside(file) -> bool:
    parts = file.replace('\\', '/').split('/')
    return bool(file) and parts[0] != '' and '..' not in parts and ':' not in parts[0]


def read_picture(folder, file) -> np.ndarray | None:
    try:
        with Image.open(os.path.join(folder, file)) as image:
            if image.format != 'PNG' or image.mode != 'L' or image.size != (SIDE, SIDE):
                raise DatasetError(f'{file} is no {SIDE} by {SIDE} 8-bit grey PNG: {image.format} {image.mode} {image.size}')
            return np.array(image)
    except OSError as error:
        raise DatasetError(f'{file} cannot be read: {error}') from error


def check_sums(folder) -> None:
    """Holds every file to SHA256SUMS, where there is one: a picture or label changed after the export is found out."""
    path = os.path.join(folder, SUMS)
    if not os.path.exists(path):
        return
    with open(path, encoding='utf-8') as f:
        listed = [line.rstrip('\n').split('  ', 1) for line in f if line.strip()]
    for expected, file in listed:
        if not is_inside(file):
            raise DatasetError(f'{path}: {file!r} does not lie in the folder')
        try:
            with open(os.path.join(folder, file), 'rb') as f:
                found = hashlib.sha256(f.read()).hexdigest()
        except OSError as error:
            raise DatasetError(f'{file} of {path} is not there') from error
        if found != expected:
            raise DatasetError(f'{file} is not what was exported: its SHA-256 differs from {path}')


def split_by_patient(regions, seed=1, validation_share=0.2) -> tuple[list[str], list[str]] | None:
    """(training, validation) patients, 8:2, the same for the same seed.

    Patients with a calcified disc and patients without are split each by themselves, so that both sides have both; a
    patient is never on both sides. Raises DatasetError with fewer than two patients of a kind that the split needs.
    """
    calcified = set(regions.patients[regions.labels == 1].tolist())
    others = set(regions.patients.tolist()) - calcified
    training, validation = [], []
    for kind, group in enumerate((calcified, others)):
        order = np.random.default_rng([seed, 82, kind]).permutation(sorted(group)).tolist()
        count = max(1, round(validation_share * len(order))) if len(order) > 1 else 0
        validation += order[:count]
        training += order[count:]
    for name, patients in (('training', training), ('validation', validation)):
        if len(set(regions.of(patients).labels.tolist())) < 2:
            raise DatasetError(f'too few patients to split: the {name} side has not both labels ({len(calcified)} patients with a calcified disc, {len(others)} without)')
    return sorted(training), sorted(validation)


def describe(regions) -> list[str]:
    counts = Counter((row['level'], int(label)) for row, label in zip(regions.about, regions.labels))
    lines = [f'{len(regions.labels)} regions of {len(set(regions.patients.tolist()))} patients, {int(regions.labels.sum())} calcified']
    return lines + [f'  {level}: {counts[level, 1]} calcified, {counts[level, 0]} not' for level in reversed(LUMBAR)]


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1].startswith('-'):
        print(__doc__, file=sys.stderr)
        return 0 if sys.argv[1:] in (['-h'], ['--help']) else 2
    try:
        regions = read_dataset(sys.argv[1])
        training, validation = split_by_patient(regions)
    except DatasetError as error:
        print(error, file=sys.stderr)
        return 1
    print('\n'.join(describe(regions)))
    print(f'split by patient with seed 1: {len(training)} for training, {len(validation)} for validation')
    return 0


if __name__ == '__main__':
    sys.exit(main())
