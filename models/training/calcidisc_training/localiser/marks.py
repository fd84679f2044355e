"""What a localiser in eight-bit integers (eight_bits.py) puts out, read as the logits of the others: agent/locate/logits.ts."""
import numpy as np

from ..spine.levels import LEVELS, TISSUES

SUB_PIXELS = 2


def in_rows(marks) -> np.ndarray:
    """[N, 4 C, h, w] -> [N, C, 2 h, 2 w], as torch's pixel_shuffle."""
    n, c, h, w = marks.shape
    k = SUB_PIXELS
    return marks.reshape(n, c // k ** 2, k, k, h, w).transpose(0, 1, 4, 2, 5, 3).reshape(n, c // k ** 2, h * k, w * k)


def logits_of(marks, scale, zero) -> tuple[np.ndarray, np.ndarray]:
    """Bytes [N, 44, H/2, W/2] -> (tissue [N, 4, H, W], level [N, 7, H, W]) float32. scale, zero: the card's `marks`."""
    logits = (in_rows(marks).astype(np.float32) - zero) * np.float32(scale)
    assert logits.shape[1] == len(TISSUES) + len(LEVELS)
    return logits[:, :len(TISSUES)], logits[:, len(TISSUES):]


class MarksSession:
    """A session of such a file that answers as one with outputs `tissue` and `level`."""

    def __init__(self, session, scale, zero) -> None:
        self.session, self.scale, self.zero = session, scale, zero

    def run(self, outputs, inputs) -> list[np.ndarray]:
        tissue, level = logits_of(self.session.run(['marks'], inputs)[0], self.scale, self.zero)
        return [dict(tissue=tissue, level=level)[name] for name in outputs]
