"""The localiser: a U-Net over six scales whose finest is half the input's, with two heads in one output.

The first convolution halves the picture and the last one writes four sub-pixels per position, so
that no layer with many channels runs at full size: on a CPU that is most of the cost. The deepest
level sees 30 mm per position and, through its neighbours, the whole lumbar spine.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

from ..spine.levels import BELOW, LEVELS, OFF_SPINE, TISSUES, UNKNOWABLE

CHANNELS = (32, 64, 96, 128, 192)


def unit(inside, outside, stride=1, size=3) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    padding = (size - 1) // 2
    return nn.Sequential(nn.Conv2d(inside, outside, size, stride, padding, bias=False), nn.BatchNorm2d(outside), nn.ReLU(inplace=True))


class Down(nn.Module):
    def __init__(self, inside, outside) -> None:
        super().__init__()
        self.shrink, self.more = unit(inside, outside, 2), unit(outside, outside)

    def forward(self, x) -> torch.Tensor:
        return self.more(self.shrink(x))


class Up(nn.Module):
    """Twice as large, added to the encoder's features of that size."""

    def __init__(self, inside, outside) -> None:
        super().__init__()
        self.narrow, self.mix = unit(inside, outside, size=1), unit(outside, outside)

    def forward(self, x, skip) -> torch.Tensor:
        return self.mix(F.interpolate(self.narrow(x), scale_factor=2.0, mode='nearest') + skip)


class Localiser(nn.Module):
    """image [N, 1, H, W] (H, W multiples of 32) -> tissue logits [N, 4, H, W], level logits [N, 7, H, W]."""

    def __init__(self, channels=CHANNELS) -> None:
        super().__init__()
        c = channels
        self.stem = nn.Sequential(nn.Conv2d(1, c[0], 4, 2, 1, bias=False), nn.BatchNorm2d(c[0]), nn.ReLU(inplace=True), unit(c[0], c[0]))
        self.down = nn.ModuleList(Down(a, b) for a, b in zip(c, c[1:]))
        self.deep = nn.Sequential(unit(c[-1], c[-1]), unit(c[-1], c[-1]))
        self.up = nn.ModuleList(Up(b, a) for a, b in reversed(list(zip(c, c[1:]))))
        self.head = nn.Conv2d(c[0], 4 * (len(TISSUES) + len(LEVELS)), 3, padding=1)

    def forward(self, image) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.stem(image)
        skips = [x]
        for down in self.down:
            x = down(x)
            skips.append(x)
        x = x + self.deep(x)
        for up, skip in zip(self.up, skips[-2::-1]):
            x = up(x, skip)
        out = F.pixel_shuffle(self.head(x), 2)
        return out[:, :len(TISSUES)], out[:, len(TISSUES):]


BELOW_WEIGHT, OFF_SPINE_WEIGHT = 0.15, 0.08


def losses(tissue_logits, level_logits, tissue, level) -> tuple[torch.Tensor, torch.Tensor]:
    """(tissue loss, level loss), scalars. tissue, level: [N, H, W] int64 as `augment.sample` gives them."""
    log = tissue_logits.log_softmax(1)
    weight = torch.tensor([1.0, 1.0, 1.0, 2.0])
    return F.nll_loss(log, tissue, weight=weight) + soft_dice(log.exp(), tissue), level_loss(level_logits, level)


def soft_dice(share, tissue) -> torch.Tensor:
    """1 - mean Dice over vertebra, canal and disc, over the whole batch. share: [N, 4, H, W] probabilities."""
    scores = []
    for k in range(1, share.shape[1]):
        truth, mine = (tissue == k).to(share.dtype), share[:, k]
        scores.append((2 * (mine * truth).sum() + 20) / (mine.sum() + truth.sum() + 20))
    return 1 - sum(scores) / len(scores)


def level_loss(logits, level) -> torch.Tensor:
    """Cross-entropy on named discs; a spread over the six disc classes asked where the level is unknowable.

    The sacrum's pixels and those off the spine (class BELOW) are many and easy: they weigh less.
    """
    log = logits.log_softmax(1)
    named, vague = (level < BELOW).to(log.dtype), (level == UNKNOWABLE).to(log.dtype)
    picked = log.gather(1, torch.where(level < BELOW, level, torch.zeros_like(level))[:, None])[:, 0]
    loss = -((picked * named).sum() + (log[:, :BELOW].mean(1) * vague).sum()) / (named.sum() + vague.sum() + 1)
    for where, weight in ((BELOW, BELOW_WEIGHT), (OFF_SPINE, OFF_SPINE_WEIGHT)):
        mask = (level == where).to(log.dtype)
        loss = loss - weight * (log[:, BELOW] * mask).sum() / (mask.sum() + 1)
    return loss
