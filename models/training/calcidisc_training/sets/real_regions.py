"""Real discs as the deployed localiser cuts them: what `npm run bench:flags -- --slices OUT DIR...` wrote.

A folder per series with stack.json, pixels.f32 and labels.u8 (SPIDER's mask values, from the localiser's network).
A RealDisc is one disc on one slice near the midline; `cut` gives its surroundings, averaged over neighbouring slices
for a thicker one. Nothing is painted here.
"""
from __future__ import annotations

import glob
import json
import os
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .roi import MARGIN_MM, region_of
from .simulate import disc_frame

DISC_VALUE = 29
MIDDLE_MM = 9.0                # a slice this near to the canal's middle is one the agent may show
CANAL_BEHIND = 0.3             # less, and the slice runs beside the canal
MIN_DISC_PX = 60
BORDER_MM = 9.0                # kept about the region: for its jitter, and for filters that reach out


@dataclass(frozen=True)
class Stack:
    """One series. slices: as in stack.json; pixels and labels: an [H, W] array per slice."""
    name: str
    source: str
    patient: str
    gap_mm: float
    slices: list
    pixels: list
    labels: list


@dataclass(frozen=True)
class Window:
    """A disc's surroundings: pixels float32, labels uint8, disc bool, all [h, w]; box: its region [c0, r0, c1, r1] in them."""
    pixels: np.ndarray
    labels: np.ndarray
    disc: np.ndarray
    box: list
    spacing_mm: float
    grey: tuple
    frame: tuple


@dataclass(frozen=True, eq=False)
class RealDisc:
    stack: Stack
    at: int
    level: str
    extent: list

    @cached_property
    def where(self) -> tuple[int, int, int, int]:
        """Row and column range of the window kept about the region."""
        one = self.stack.slices[self.at]
        border = [BORDER_MM / mm for mm in one['spacingMm']]
        col0, row0, col1, row1 = region_of(self.extent, one['spacingMm'], MARGIN_MM)
        return (max(0, int(row0 - border[0])), min(one['rows'], int(row1 + border[0]) + 1),
                max(0, int(col0 - border[1])), min(one['columns'], int(col1 + border[1]) + 1))

    @cached_property
    def disc(self) -> np.ndarray:
        row0, row1, col0, col1 = self.where
        labels = self.stack.labels[self.at][row0:row1, col0:col1] == DISC_VALUE
        near = np.zeros(labels.shape, bool)
        c0, r0, c1, r1 = (int(round(v)) for v in self.extent)
        near[max(0, r0 - 3 - row0):r1 + 4 - row0, max(0, c0 - 4 - col0):c1 + 5 - col0] = True
        return labels & near

    @cached_property
    def frame(self) -> tuple:
        return disc_frame(self.disc, self.stack.slices[self.at]['spacingMm'][0])

    def neighbours(self, count) -> list[int]:
        """Indices of `count` slices about this one, fewer at the edge or where a slice has another size."""
        first = self.at - (count - 1) // 2
        here = self.stack.pixels[self.at].shape
        return [k for k in range(first, first + count) if 0 <= k < len(self.stack.slices) and self.stack.pixels[k].shape == here]

    def cut(self, count=1) -> Window:
        """The window; with `count` above 1 the mean of so many slices."""
        row0, row1, col0, col1 = self.where
        one = self.stack.slices[self.at]
        group = self.neighbours(count)
        pixels = np.mean([self.stack.pixels[k][row0:row1, col0:col1] for k in group], axis=0, dtype=np.float32)
        col, row, col1_, row1_ = region_of(self.extent, one['spacingMm'], MARGIN_MM)
        grey = tuple(np.mean([self.stack.slices[k]['grey'] for k in group], axis=0))
        return Window(pixels, self.stack.labels[self.at][row0:row1, col0:col1], self.disc, [col - col0, row - row0, col1_ - col0, row1_ - row0],
                      one['spacingMm'][0], grey, self.frame)


def read_stack(folder, source) -> Stack:
    with open(os.path.join(folder, 'stack.json'), encoding='utf-8') as f:
        about = json.load(f)
    sizes = [(one['rows'], one['columns']) for one in about['slices']]
    ends = np.cumsum([0] + [rows * cols for rows, cols in sizes])
    pixels = np.memmap(os.path.join(folder, 'pixels.f32'), '<f4', 'r') if sizes else np.empty(0, np.float32)
    labels = np.memmap(os.path.join(folder, 'labels.u8'), np.uint8, 'r') if sizes else np.empty(0, np.uint8)
    return Stack(os.path.basename(folder), source, about['patientId'], about['gapMm'], about['slices'],
                 [pixels[a:b].reshape(size) for a, b, size in zip(ends, ends[1:], sizes)],
                 [labels[a:b].reshape(size) for a, b, size in zip(ends, ends[1:], sizes)])


def discs_of(stack, middle_mm) -> list[RealDisc]:
    """The discs of the slices near the midline, each on each of them."""
    found = []
    for at, one in enumerate(stack.slices):
        if abs(one['positionMm'] - middle_mm) > MIDDLE_MM:
            continue
        for disc in one['discs']:
            real = RealDisc(stack, at, disc['level'], disc['extent'])
            if disc['canalBehind'] >= CANAL_BEHIND and real.disc.sum() >= MIN_DISC_PX:
                found.append(real)
    return found


def read_discs(root) -> list[RealDisc]:
    """Every disc below a folder of sources: root/SOURCE/SERIES/stack.json. Raises FileNotFoundError where there is none."""
    found = []
    for path in sorted(glob.glob(os.path.join(root, '*', '*', 'stack.json'))):
        folder = os.path.dirname(path)
        with open(path, encoding='utf-8') as f:
            middle = json.load(f)['middleMm']
        found += discs_of(read_stack(folder, os.path.basename(os.path.dirname(folder))), middle)
    if not found:
        raise FileNotFoundError(f'no SOURCE/SERIES/stack.json with discs below {root}: `npm run bench:flags -- --slices {root} DIR...` writes them')
    return found
