"""What export and archives do to a picture: eight bits of a window, JPEG's smoothing, white and black rims."""
import io

import numpy as np
from PIL import Image

WINDOW_SHARE, JPEG_SHARE, RIM_SHARE, CORNER_SHARE = 0.2, 0.15, 0.06, 0.06
WINDOW_LOW, WINDOW_HIGH = (0, 8), (88, 99.9)      # percentiles of the picture
JPEG_QUALITY = (8, 60)
RIM_PX = (1, 6)


def eight_bits(rng, image) -> np.ndarray:
    """A display window in whole greys, 0 to 255."""
    low, high = np.percentile(image, [rng.uniform(*WINDOW_LOW), rng.uniform(*WINDOW_HIGH)])
    return np.round(255 * np.clip((image - low) / max(high - low, 1e-6), 0, 1)).astype(np.float32)


def jpeg(rng, image) -> np.ndarray:
    """Coded by JPEG and back, all of its range in eight bits."""
    low, high = image.min(), image.max()
    grey = np.round(255 * (image - low) / max(high - low, 1e-6)).astype(np.uint8)
    coded = io.BytesIO()
    Image.fromarray(grey).save(coded, 'JPEG', quality=int(rng.integers(*JPEG_QUALITY)))
    return low + np.asarray(Image.open(coded), np.float32) / 255 * (high - low)


def rim(rng, image) -> np.ndarray:
    """A frame of one grey, mostly white, on one side or on all."""
    out, width = image.copy(), int(rng.integers(*RIM_PX))
    grey = image.max() if rng.random() < 0.7 else image.min()
    sides = range(4) if rng.random() < 0.6 else [int(rng.integers(4))]
    for side in sides:
        np.rot90(out, side)[:width] = grey
    return out


def corner(rng, image) -> np.ndarray:
    """Black wedges, as the correction of the gradients' distortion leaves them at the borders."""
    h, w = image.shape
    rows, cols = np.indices(image.shape)
    out = image.copy()
    for flip_rows, flip_cols in ((False, False), (True, False), (False, True), (True, True)):
        tall, wide = rng.uniform(0, 0.3) * h, rng.uniform(0, 0.06) * w
        r, c = (h - 1 - rows if flip_rows else rows), (w - 1 - cols if flip_cols else cols)
        out[r / max(tall, 1) + c / max(wide, 1) < 1] = image.min()
    return out


def unusual_picture(rng, image) -> np.ndarray:
    """The above, each with its own chance; only of what the scanner saw."""
    for share, change in ((CORNER_SHARE, corner), (WINDOW_SHARE, eight_bits), (JPEG_SHARE, jpeg), (RIM_SHARE, rim)):
        if rng.random() < share:
            image = change(rng, image)
    return image
