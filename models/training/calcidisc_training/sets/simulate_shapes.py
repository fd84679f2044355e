"""Soft shapes and noise on a small pixel grid: numpy only, arrays [H, W] float64, shares 0..1 where named alpha."""
import numpy as np


def blur(image, sigma_px) -> np.ndarray:
    """Gaussian blur, edges repeated."""
    if sigma_px <= 0.05:
        return image
    reach = max(1, int(np.ceil(3 * sigma_px)))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_px) ** 2)
    weights /= weights.sum()
    for axis in (0, 1):
        pad = [(0, 0), (0, 0)]
        pad[axis] = (reach, reach)
        padded = np.pad(image, pad, mode='edge')
        n = image.shape[axis]
        image = sum(w * (padded[k:k + n] if axis == 0 else padded[:, k:k + n]) for k, w in enumerate(weights))
    return image


def smooth_noise(rng, shape, length_px) -> np.ndarray:
    """Noise of mean 0, standard deviation 1 and the given correlation length."""
    noise = blur(rng.standard_normal(shape), length_px)
    return (noise - noise.mean()) / max(noise.std(), 1e-9)


def ramp(inside_mm, width_mm=0.5) -> np.ndarray:
    """Signed distance inside a shape (mm) -> share of the pixel covered."""
    return np.clip(inside_mm / width_mm + 0.5, 0, 1)


def union(*alphas) -> np.ndarray:
    rest = 1.0
    for alpha in alphas:
        rest = rest * (1 - alpha)
    return 1 - rest


def ellipse(t, s, centre, radii, turn=0.0) -> np.ndarray:
    """Share covered by an ellipse at `centre` (t, s) mm with `radii` mm, turned by `turn` radians."""
    dt, ds = t - centre[0], s - centre[1]
    c, n = np.cos(turn), np.sin(turn)
    along, across = (dt * c + ds * n) / radii[0], (ds * c - dt * n) / radii[1]
    return ramp((1 - np.hypot(along, across)) * min(radii))


def paint(image, alpha, signal, noise_sd, rng) -> np.ndarray:
    """Replace the share `alpha` of each pixel by tissue of `signal`, with the magnitude noise of the image (Rician)."""
    if not np.any(alpha > 0):
        return image
    real = signal + noise_sd * rng.standard_normal(image.shape)
    magnitude = np.hypot(real, noise_sd * rng.standard_normal(image.shape))
    return image * (1 - alpha) + magnitude * alpha
