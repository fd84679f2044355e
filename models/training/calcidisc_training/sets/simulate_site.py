"""Another scanner's picture of the same anatomy, and the mild variety training pictures get."""
import numpy as np

from .roi import grey_range
from .simulate_params import SIMULATION
from .simulate_shapes import blur


def gamma_curve(image, gamma, white) -> np.ndarray:
    return white * np.clip(image / max(white, 1e-6), 0, None) ** gamma


def bias_field(rng, shape, strength) -> np.ndarray:
    """A smooth field around 1: a plane and a bow in a random direction, `strength` peak to peak."""
    row, col = np.meshgrid(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing='ij')
    angle = rng.uniform(0, 2 * np.pi)
    along = row * np.cos(angle) + col * np.sin(angle)
    field = along + rng.uniform(-0.5, 0.5) * along ** 2
    return 1 + strength * (field / max(np.ptp(field), 1e-9))


def rician(image, sd, rng) -> np.ndarray:
    return np.hypot(image + sd * rng.standard_normal(image.shape), sd * rng.standard_normal(image.shape))


def truncate_k_space(image, kept) -> np.ndarray:
    """Keep the central share of k-space on both axes and zero-fill: coarser sampling, interpolated by the scanner."""
    spectrum = np.fft.fftshift(np.fft.fft2(image))
    rows, cols = image.shape
    row, col = np.abs(np.arange(rows) - rows // 2), np.abs(np.arange(cols) - cols // 2)
    spectrum = spectrum * ((row <= kept * rows / 2)[:, None] & (col <= kept * cols / 2)[None, :])
    return np.maximum(np.fft.ifft2(np.fft.ifftshift(spectrum)).real, 0)


def external_site(anatomy, drawn, window, bone_signal, rng) -> tuple[np.ndarray, float, float]:
    """(image in the window, low, high): the whole slice as the external site would have made and stored it."""
    p = SIMULATION['externalSite']
    row0, row1, col0, col1 = window
    whole = anatomy.pixels.astype(np.float64)
    whole[row0:row1, col0:col1] = drawn
    whole = truncate_k_space(whole, rng.uniform(*p['kSpaceKept'])) * bias_field(rng, whole.shape, p['biasField'])
    whole = rician(whole, rng.uniform(*p['noiseOfBone']) * bone_signal, rng)
    whole = gamma_curve(whole, rng.uniform(*p['gamma']), anatomy.grey[1])
    whole = np.maximum(whole + rng.uniform(*p['sharpening']) * (whole - blur(whole, p['sharpeningPx'])), 0)
    low, high = grey_range(whole)
    return whole[row0:row1, col0:col1], low, high


def vary(image, low, high, bone_signal, rng) -> tuple[np.ndarray, float, float]:
    """(image, low, high) with the mild variety of SIMULATION['trainingVariety']."""
    p = SIMULATION['trainingVariety']
    image = blur(image, rng.uniform(*p['blurPx'])) * bias_field(rng, image.shape, rng.uniform(0, p['biasField']))
    image = rician(image, rng.uniform(*p['noiseOfBone']) * bone_signal, rng)
    image = gamma_curve(image, rng.uniform(*p['gamma']), high)
    span = high - low
    return image, low + span * rng.normal(0, p['greyLow']), high + span * rng.normal(0, p['greyHigh'])
