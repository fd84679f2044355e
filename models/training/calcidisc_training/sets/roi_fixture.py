"""Write test/fixtures/roi-parity.json: one small drawn slice, rectangles, and the regions' hashes.

    python -m calcidisc_training.sets.roi_fixture ../../test/fixtures/roi-parity.json

pixel[row][col] = (row * row * 7 + col * 13 + (row * col) % 31 * 5 + (col % 7) * (row % 5) * 9) % 997, whole numbers,
so that both sides draw the same slice. The tests of roi.py and of agent/locate read the file.
"""
import hashlib
import json
import sys

import numpy as np

from .roi import extent_of, grey_range, region_of, region_pixels

ROWS, COLUMNS = 96, 80
PIXEL_MM = (0.9, 0.7)
CASES = {
    'inside': [20.25, 30.5, 61.75, 58.125],
    'over the edge on every side': [-6.5, -9.25, 90.0, 101.5],
    'beyond the lower right corner': [60.0, 80.0, 120.5, 140.0],
}
PROBES = [(0, 0), (0, 223), (17, 101), (111, 112), (180, 40), (223, 223)]


def drawn_slice(rows=ROWS, columns=COLUMNS) -> np.ndarray:
    row, col = np.indices((rows, columns))
    return ((row * row * 7 + col * 13 + (row * col) % 31 * 5 + (col % 7) * (row % 5) * 9) % 997).astype(np.float32)


def drawn_disc() -> np.ndarray:
    """An ellipse with a tail, as a mask [96, 80]."""
    row, col = np.indices((ROWS, COLUMNS))
    return (((row - 44) / 6) ** 2 + ((col - 38) / 17) ** 2 <= 1) | ((row == 46) & (col >= 50) & (col <= 62))


def case(name, pixels, box) -> dict:
    low, high = grey_range(pixels)
    grey = region_pixels(pixels, box, low, high)
    return dict(name=name, rows=pixels.shape[0], columns=pixels.shape[1], box=box, low=low, high=high,
                sha256=hashlib.sha256(grey.tobytes()).hexdigest(),
                probes=[dict(row=r, col=c, grey=int(grey[r, c])) for r, c in PROBES])


def fixture() -> dict:
    extent = extent_of(drawn_disc())
    wide = drawn_slice(700, 1200)
    cases = [case(name, drawn_slice(), box) for name, box in CASES.items()]
    cases.append(case('margin of 10 mm about the disc', drawn_slice(), region_of(extent, PIXEL_MM)))
    cases.append(case('shrunk by 4 and 2 first', wide, [100.0, 40.0, 1100.0, 640.0]))
    return dict(formula=__doc__.split('\n\n')[2].strip(), spacingMm=list(PIXEL_MM), marginMm=10,
                disc='((row-44)/6)^2 + ((col-38)/17)^2 <= 1, or row == 46 and 50 <= col <= 62',
                extent=extent, region=region_of(extent, PIXEL_MM), cases=cases)


def main() -> None:
    with open(sys.argv[1], 'w', encoding='utf-8') as f:
        json.dump(fixture(), f, indent=1)
        f.write('\n')


if __name__ == '__main__':
    main()
