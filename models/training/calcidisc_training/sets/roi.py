"""The region of interest a classifier sees: a rectangle around a disc, resized to 224 by 224 grey levels.

The same arithmetic as agent/locate/region.ts; test/fixtures/roi-parity.json (written by roi_fixture.py) holds
both to it. Precisely:

Pixel coordinates. (col, row) real numbers; the centre of the first pixel is (0, 0). Rows run superior to
inferior, columns anterior to posterior.

Rectangle. `extent` [col0, row0, col1, row1] of a disc: the 2nd and 98th percentile of its mask pixels' column and
row numbers (linear between ranks, see `percentile_of_sorted`). The rectangle adds marginMm / spacing on every side.

Shrinking. width = (col1 - col0) / 224 and height = (row1 - row0) / 224 are the size of a new pixel in old ones. An
axis whose size is above 2 is first averaged down by f = floor(size) over whole blocks starting at pixel 0 (a rest
narrower than a block is left out; means are summed in float64 and stored as float32); otherwise f = 1.

Sampling. New pixel (i, k) lies at row = (row0 + (i + 0.5) * height + 0.5) / f - 0.5, col likewise with k and width.
Both are clamped to [0, n - 1]; the value is bilinear in float64: rows are mixed after columns,
top = a * (1 - fx) + b * fx, bottom likewise, value = top * (1 - fy) + bottom * fy.

Grey. low, high = percentiles 1 and 99.5 of the whole slice (before shrinking; float32 values).
grey = clamp(floor((value - low) * (255 / max(high - low, 1e-6)) + 0.5), 0, 255), 8 bits.
"""
import numpy as np

REGION_PIXELS = 224
GREY_PERCENTILES = (1, 99.5)
MARGIN_MM = 10.0
EXTENT_PERCENTILES = (2, 98)


def percentile_of_sorted(ordered, share) -> float:
    """Percentile `share` (0..100) of ascending values: at = share / 100 * (n - 1), linear between the ranks."""
    at = share / 100 * (len(ordered) - 1)
    low = int(np.floor(at))
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low]) + (at - low) * (float(ordered[high]) - float(ordered[low]))


def grey_range(slice_pixels) -> tuple[float, float]:
    """(low, high) of a whole slice [H, W]: what becomes black and white."""
    ordered = np.sort(np.asarray(slice_pixels, np.float32).ravel())
    return tuple(percentile_of_sorted(ordered, share) for share in GREY_PERCENTILES)


def extent_of(mask) -> list[float] | None:
    """[col0, row0, col1, row1] of a disc's mask [H, W] bool. Raises ValueError for an empty mask."""
    rows, cols = np.nonzero(mask)
    if not len(rows):
        raise ValueError('an empty mask has no extent')
    low, high = ([percentile_of_sorted(np.sort(v), share) for v in (cols, rows)] for share in EXTENT_PERCENTILES)
    return [*low, *high]


def region_of(extent, spacing_mm, margin_mm=MARGIN_MM) -> list[float]:
    """The rectangle [col0, row0, col1, row1] around a disc's extent; spacing_mm = (row, column)."""
    col0, row0, col1, row1 = extent
    down, along = margin_mm / spacing_mm[0], margin_mm / spacing_mm[1]
    return [col0 - along, row0 - down, col1 + along, row1 + down]


def shrink_factor(scale) -> int:
    return int(np.floor(scale)) if scale > 2 else 1


def box_mean(pixels, row_factor, col_factor) -> np.ndarray:
    """Means over whole blocks, float32."""
    rows, cols = pixels.shape[0] // row_factor, pixels.shape[1] // col_factor
    blocks = pixels[:rows * row_factor, :cols * col_factor].reshape(rows, row_factor, cols, col_factor)
    return blocks.mean((1, 3), dtype=np.float64).astype(np.float32)


def sample_positions(start, end, factor, count, size) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(lower index, upper index, share of the upper) of each new pixel along one axis."""
    step = (end - start) / size
    at = (start + (np.arange(size) + 0.5) * step + 0.5) / factor - 0.5
    at = np.clip(at, 0, count - 1)
    low = np.floor(at).astype(int)
    return low, np.minimum(low + 1, count - 1), at - low


def resample(pixels, box, size=REGION_PIXELS) -> np.ndarray:
    """[H, W] -> [size, size] float64 values inside `box`, shrunk first where that is due."""
    col0, row0, col1, row1 = box
    row_factor, col_factor = shrink_factor((row1 - row0) / size), shrink_factor((col1 - col0) / size)
    grid = np.asarray(pixels, np.float32)
    if row_factor > 1 or col_factor > 1:
        grid = box_mean(grid, row_factor, col_factor)
    y0, y1, fy = sample_positions(row0, row1, row_factor, grid.shape[0], size)
    x0, x1, fx = sample_positions(col0, col1, col_factor, grid.shape[1], size)
    grid = grid.astype(np.float64)
    across = grid[:, x0] * (1 - fx) + grid[:, x1] * fx
    return across[y0] * (1 - fy)[:, None] + across[y1] * fy[:, None]


def to_grey(values, low, high) -> np.ndarray:
    """Values -> uint8: linear from low..high to 0..255, rounded half up, clamped."""
    scale = 255 / max(high - low, 1e-6)
    return np.clip(np.floor((values - low) * scale + 0.5), 0, 255).astype(np.uint8)


def region_pixels(slice_pixels, box, low, high) -> np.ndarray:
    """The classifier's picture: [224, 224] uint8 of the rectangle `box` of a slice."""
    return to_grey(resample(slice_pixels, box), low, high)
