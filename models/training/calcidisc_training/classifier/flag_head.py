"""What stands on a ResNet-34 to say yes, no, or that a region is none it knows.

The trunk's third and fourth stage (maps of 256 and of 512 channels) go into a small head with a map of 8 by 8 logits, pooled by
the logarithm of their mean exponential, between mean and maximum: a spot counts, wherever it lies. Beside it stands how far
the region's features are from those of the training: the root mean square of their whitened principal components, about 1 there.
"""
import numpy as np
import torch
from torch import nn

from .classifier_net import resize

SIZE, PLACES, WIDTH, DROP = 128, 8, 64, 0.15
COMPONENTS, LEAST_SPREAD = 64, 0.01


class FlagHead(nn.Module):
    """stage3 [N, 256, 8, 8], stage4 [N, 512, 4, 4] -> (logit [N], cam [N, 8, 8])."""

    def __init__(self, width=WIDTH) -> None:
        super().__init__()
        self.third, self.fourth = nn.Conv2d(256, width, 1), nn.Conv2d(512, width, 1)
        self.join, self.again = nn.Conv2d(2 * width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        self.out, self.drop = nn.Conv2d(width, 1, 1), nn.Dropout2d(DROP)

    def forward(self, stage3, stage4) -> tuple[torch.Tensor, torch.Tensor]:
        larger = nn.functional.interpolate(self.drop(stage4), scale_factor=2.0, mode='nearest')
        both = torch.cat([torch.relu(self.third(self.drop(stage3))), torch.relu(self.fourth(larger))], 1)
        joined = torch.relu(self.join(both))
        cam = self.out(joined + torch.relu(self.again(joined)))[:, 0]
        return torch.logsumexp(cam.flatten(1), 1) - float(np.log(PLACES * PLACES)), cam


class Distance(nn.Module):
    """features [N, 768], means over the places -> [N]: root mean square of whitened principal components."""

    def __init__(self, components=COMPONENTS) -> None:
        super().__init__()
        self.register_buffer('middle', torch.zeros(768))
        self.register_buffer('axes', torch.zeros(768, components))

    @torch.no_grad()
    def fit(self, features) -> None:
        middle = features.mean(0)
        off = features - middle
        # By the covariance: a singular value decomposition of all regions takes minutes where LAPACK is plain.
        variance, axes = np.linalg.eigh(off.T @ off / (len(features) - 1))
        count = self.axes.shape[1]
        spread = np.sqrt(np.maximum(variance[::-1][:count], 0))
        # A component without spread, of a set too small for so many, must not make everything far.
        whitened = axes[:, ::-1][:, :count] / np.maximum(spread, LEAST_SPREAD * spread[0])
        self.middle.copy_(torch.from_numpy(middle))
        self.axes.copy_(torch.from_numpy(whitened.astype(np.float32)))

    def forward(self, features) -> torch.Tensor:
        return ((features - self.middle) @ self.axes).square().mean(1).sqrt()


def stages(net, image) -> tuple[torch.Tensor, torch.Tensor]:
    """[N, 3, 128, 128] -> the maps after the third and the fourth stage."""
    x = nn.functional.max_pool2d(torch.relu(net.bn1(net.conv1(image))), 3, 2, 1)
    third = net.layer3(net.layer2(net.layer1(x)))
    return third, net.layer4(third)


class DeployedFlags(nn.Module):
    """What is exported: image [N, 3, 224, 224] -> probability [N, 1], cam [N, 1, 7, 7] (logits), distance [N, 1].

    scale, shift: from the head's logit to one whose sigmoid is calibrated at the share of calcified discs in `flag_sets`.
    """

    def __init__(self, net, head, distance, scale=1.0, shift=0.0) -> None:
        super().__init__()
        self.net, self.head, self.distance = net, head, distance
        self.scale, self.shift = scale, shift

    def forward(self, image) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        third, fourth = stages(self.net, resize(image, SIZE / 224))
        logit, cam = self.head(third, fourth)
        features = torch.cat([third.mean((2, 3)), fourth.mean((2, 3))], 1)
        shown = nn.functional.interpolate(cam[:, None], size=(7, 7), mode='bilinear', align_corners=False)
        return torch.sigmoid(logit * self.scale + self.shift)[:, None], shown, self.distance(features)[:, None]
