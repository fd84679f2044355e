"""The localiser's input arithmetic, the same as in agent/locate."""
import numpy as np

LOW_PERCENTILE, HIGH_PERCENTILE = 1, 99
MEAN, STD = 0.5, 0.25
CT_WINDOW_HU = (-200.0, 600.0)
MULTIPLE = 32


def normalise(image, low=LOW_PERCENTILE, high=HIGH_PERCENTILE) -> np.ndarray:
    """[H, W] any unit -> percentiles p1..p99 to 0..1, clamped, then (x - 0.5) / 0.25."""
    bottom, top = np.percentile(image, [low, high])
    unit = np.clip((image - bottom) / max(top - bottom, 1e-6), 0, 1)
    return ((unit - MEAN) / STD).astype(np.float32)


def pad(image) -> np.ndarray:
    """Rows and columns added at the end (below, behind) up to a multiple of 32, black (normalised 0 grey)."""
    h, w = image.shape
    return np.pad(image, ((0, -h % MULTIPLE), (0, -w % MULTIPLE)), constant_values=(0 - MEAN) / STD)
