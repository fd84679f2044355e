"""Random geometry: one smooth map from the training canvas to a slice, applied to image and labels alike."""
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

CANVAS = (288, 224)       # rows, columns at 0.94 mm: 271 by 211 mm


@dataclass(frozen=True)
class Warp:
    """canvas (row, col) -> slice (row, col): matrix @ (canvas - centre) + target + bend of the columns."""
    matrix: np.ndarray
    target: np.ndarray
    bend: tuple       # amplitude px, wavelength px, phase
    canvas: tuple = CANVAS

    def source(self, rows, cols) -> tuple:
        """Slice coordinates (row, col) of canvas coordinates, arrays of one shape."""
        r, c = rows - self.canvas[0] / 2, cols - self.canvas[1] / 2
        amplitude, wavelength, phase = self.bend
        m, t = self.matrix, self.target
        sway = amplitude * np.sin(2 * np.pi * r / wavelength + phase)
        return m[0, 0] * r + m[0, 1] * c + t[0], m[1, 0] * r + m[1, 1] * c + t[1] + sway

    def scale(self) -> float:
        """Slice pixels per canvas pixel."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix))))


def random_warp(rng, middle) -> Warp:
    """Zoom 0.8-1.25, unequal by up to 8%, turn, shear and bend, around `middle` (row, col) of the slice."""
    zoom = np.exp(rng.uniform(np.log(0.8), np.log(1.25)))
    unequal = np.exp(rng.uniform(-0.08, 0.08))
    turn = np.deg2rad(rng.normal(0, 7) if rng.random() < 0.8 else rng.uniform(-22, 22))
    shear = rng.normal(0, 0.08)
    rotate = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = rotate @ np.array([[1, 0], [shear, 1]]) @ np.diag([unequal / zoom, 1 / unequal / zoom])
    target = np.array(middle) + rng.uniform([-42, -45], [42, 45])
    bend = (rng.normal(0, 4), rng.uniform(150, 400), rng.uniform(0, 2 * np.pi))
    return Warp(matrix, target, bend)


def locate(warp, point, reach=140) -> tuple[float, float]:
    """Canvas (row, col) where a slice point lies, found on a 3-pixel grid that overhangs the canvas by `reach`."""
    h, w = warp.canvas
    rows, cols = np.meshgrid(np.arange(-reach, h + reach, 3.0), np.arange(-reach, w + reach, 3.0), indexing='ij')
    r, c = warp.source(rows, cols)
    best = np.argmin((r - point[0]) ** 2 + (c - point[1]) ** 2)
    return rows.flat[best], cols.flat[best]


def apply_warp(warp, image, labels) -> tuple[np.ndarray, np.ndarray]:
    """(image [H, W] float32, labels [K, H, W] uint8) on the canvas; what lies outside the slice is 0."""
    rows, cols = np.meshgrid(np.arange(warp.canvas[0]), np.arange(warp.canvas[1]), indexing='ij')
    r, c = warp.source(rows, cols)
    h, w = image.shape
    grid = torch.from_numpy(np.stack([(2 * c + 1) / w - 1, (2 * r + 1) / h - 1], -1).astype(np.float32))[None]
    grey = F.grid_sample(torch.from_numpy(np.ascontiguousarray(image))[None, None], grid, mode='bilinear', align_corners=False)
    flat = torch.from_numpy(labels.astype(np.float32))[None]
    near = F.grid_sample(flat, grid, mode='nearest', align_corners=False)
    return grey[0, 0].numpy(), near[0].numpy().astype(np.uint8)
