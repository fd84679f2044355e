"""Pictures of what the localiser saw and said."""
import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage as ndi

from ..spine.levels import CANAL, DISC, LEVELS, VERTEBRA
from .candidates import by_chain

COLOURS = np.array([[230, 40, 40], [240, 140, 30], [230, 220, 40], [60, 200, 60], [40, 200, 220], [90, 90, 255], [230, 60, 230]])
ZOOM = 2


def draw(grey, tissue_logits, level_logits, found) -> np.ndarray:
    """[H, W] image and logits -> uint8 RGB at twice the size: tissue outlines, discs in level colours, names."""
    low, high = np.percentile(grey, [1, 99])
    shade = np.clip((grey - low) / max(high - low, 1e-6), 0, 1)
    rgb = np.repeat(shade[..., None] * 255, 3, -1)
    label = tissue_logits.argmax(0)
    for value, colour in ((VERTEBRA, (0, 150, 0)), (CANAL, (0, 110, 220))):
        mask = label == value
        rgb[mask & ~ndi.binary_erosion(mask)] = colour
    disc = label == DISC
    rgb[disc] = 0.55 * rgb[disc] + 0.45 * COLOURS[level_logits.argmax(0)[disc]]
    picture = Image.fromarray(rgb.astype(np.uint8)).resize((rgb.shape[1] * ZOOM, rgb.shape[0] * ZOOM), Image.BILINEAR)
    pen = ImageDraw.Draw(picture)
    for candidate, name in zip(found, by_chain(found)):
        share = candidate.shares.max()
        text = f'{LEVELS[name][:6]} | {LEVELS[candidate.shares.argmax()][:6]} {share:.2f}'
        pen.text((candidate.box[3] * ZOOM + 8, candidate.centre[0] * ZOOM - 6), text, fill=tuple(int(v) for v in COLOURS[name]))
    return np.array(picture)
