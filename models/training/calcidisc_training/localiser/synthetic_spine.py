"""Drawn spines: rounded blocks, ellipses and strips, so that phantoms and unusual curves are known too."""
import numpy as np
from scipy import ndimage as ndi

from ..spine.levels import ABOVE, BELOW, CANAL, DISC, IGNORE, VERTEBRA
from ..spine.spacing import SPACING_MM
from .contrast import phantom_like, random_contrast
from .warp import CANVAS


class Board:
    """Label maps of the canvas and the drawing of oriented shapes on them; lengths in pixels."""

    def __init__(self) -> None:
        self.rows, self.cols = np.indices(CANVAS, dtype=np.float32)
        self.tissue = np.zeros(CANVAS, np.uint8)
        self.level = np.full(CANVAS, IGNORE, np.uint8)
        self.sacrum = np.zeros(CANVAS, np.uint8)

    def shape(self, centre, tilt, half_down, half_along, power) -> np.ndarray:
        """Mask of a superellipse (power 2 an ellipse, 6 a rounded block); tilt in radians, front end down."""
        r, c = self.rows - centre[0], self.cols - centre[1]
        along = c * np.cos(tilt) - r * np.sin(tilt)
        down = r * np.cos(tilt) + c * np.sin(tilt)
        return np.abs(along / half_along) ** power + np.abs(down / half_down) ** power < 1

    def put(self, mask, tissue, level=None) -> None:
        self.tissue[mask] = tissue
        if level is not None:
            self.level[mask] = level


def step(point, tilt, distance) -> tuple[float, float]:
    """A point `distance` up the spine: at a right angle to a disc of this tilt."""
    return point[0] - distance * np.cos(tilt), point[1] - distance * np.sin(tilt)


def back(point, tilt, distance) -> tuple[float, float]:
    """A point `distance` behind, along the disc."""
    return point[0] - distance * np.sin(tilt), point[1] + distance * np.cos(tilt)


def tilts(rng) -> np.ndarray:
    """Tilt of each disc from L5-S1 up: lordosis, easing to a slight kyphosis; radians."""
    start, end = rng.uniform(10, 52), rng.uniform(-18, 4)
    ease = rng.uniform(0.35, 0.75)
    angles = end + (start - end) * ease ** np.arange(10) + rng.normal(0, 2, 10)
    return np.deg2rad(angles)


def draw(rng, board, px) -> tuple[float, float]:
    """Draw sacrum, discs, vertebrae and canal; px = pixels per mm. Returns rows of L5-S1 and L1-L2."""
    tilt = tilts(rng)
    size = rng.uniform(0.85, 1.15) * px
    depth, body, gap = 17 * size * rng.uniform(0.85, 1.2), 27 * size * rng.uniform(0.9, 1.1), 9 * size * rng.uniform(0.6, 1.3)
    canal_at, power = depth + rng.uniform(6, 12) * px, rng.choice([2, 3, 6])
    at = (CANVAS[0] * rng.uniform(0.62, 0.92), CANVAS[1] * rng.uniform(0.35, 0.7))
    draw_sacrum(rng, board, at, tilt[0], depth, body, gap)
    rows, line = [], [back(step(at, tilt[0], -2.2 * body), tilt[0] + 0.3, canal_at)]
    for k in range(10):
        rows.append(at[0])
        narrow = gap * (rng.uniform(0.35, 1) if rng.random() < 0.3 else 1)
        board.put(board.shape(at, tilt[k], narrow / 2 + 0.7, depth * rng.uniform(0.93, 1.1), power), DISC, min(k, ABOVE))
        line.append(back(at, tilt[k], canal_at))
        mid = step(at, tilt[k], (body + gap) / 2)
        lean = (tilt[k] + tilt[min(k + 1, 9)]) / 2
        board.put(board.shape(mid, lean, body / 2, depth, 6) & (board.tissue == 0), VERTEBRA)
        draw_process(rng, board, mid, lean, depth, canal_at, size)
        at = step(mid, lean, (body + gap) / 2)
        depth, body, gap = depth * 0.985, body * 0.985, gap * 0.93
    draw_canal(rng, board, line, rng.uniform(4.5, 8.5) * px)
    return rows[0], rows[4]


def draw_sacrum(rng, board, at, tilt, depth, body, gap) -> None:
    point, lean = step(at, tilt, -(body * 0.45 + gap / 2)), tilt
    for k in range(3):
        mask = board.shape(point, lean, body * 0.46, depth * (0.95 - 0.15 * k), 6)
        board.sacrum[mask] = 1
        board.level[mask] = BELOW
        lean += rng.uniform(0.05, 0.3)
        point = step(point, lean, -body * 0.96)


def draw_process(rng, board, mid, lean, depth, canal_at, size) -> None:
    if rng.random() < 0.75:
        centre = back(mid, lean, canal_at + rng.uniform(18, 26) * size)
        board.put(board.shape(centre, lean - rng.uniform(0.1, 0.5), 8 * size, 13 * size, 3) & (board.tissue == 0), VERTEBRA)


def draw_canal(rng, board, line, half) -> None:
    order = np.argsort([p[0] for p in line])
    rows = np.array([line[i][0] for i in order])
    centre = np.interp(board.rows[:, 0], rows, np.array([line[i][1] for i in order]))
    inside = (np.abs(board.cols - centre[:, None]) < half) & (board.rows > rows[0] - 40) & (board.tissue == 0)
    board.put(inside, CANAL)


def synthetic_spine(rng) -> tuple:
    """(image, tissue, level, lowest row, upper row, mm per pixel), as from a real slice."""
    board, px = Board(), rng.uniform(0.85, 1.2) / SPACING_MM
    lowest, upper = draw(rng, board, px)
    skin = board.cols < CANVAS[1] * rng.uniform(0.8, 1.05)
    ground = np.where(skin, ndi.gaussian_filter(rng.random(CANVAS), rng.uniform(1, 8)), 0).astype(np.float32)
    if rng.random() < 0.6:
        image = phantom_like(rng, ground, board.tissue, board.sacrum)
    else:
        image, _ = random_contrast(rng, ground, board.tissue, board.sacrum)
    return image.astype(np.float32), board.tissue, board.level, lowest, upper, 1 / px
