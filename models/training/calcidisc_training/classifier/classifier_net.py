"""The three networks of the study, timm's or their copies in networks.py, with the class activation map the graph exports.

For a network that ends in global average pooling and one linear layer, Grad-CAM of the last features equals the class
activation map: the linear layer applied at every place. Its mean over the places is the logit itself.
"""
import importlib.util

import torch
from torch import nn

from .networks import ARCHITECTURES

NETWORKS = tuple(ARCHITECTURES)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def create(name, weights='none') -> nn.Module:
    """A network with one output. weights: 'imagenet' (fetched by timm), 'none', or a state-dict file.

    Raises RuntimeError for ImageNet weights where timm is missing, ValueError for a file that does not fit.
    """
    if name not in NETWORKS:
        raise ValueError(f'{name} is none of {", ".join(NETWORKS)}')
    if importlib.util.find_spec('timm'):
        import timm
        net = timm.create_model(name, pretrained=weights == 'imagenet', num_classes=1)
    elif weights == 'imagenet':
        raise RuntimeError("ImageNet weights come with timm: pip install -e '.[classifiers]', or take --weights none or --weights FILE")
    else:
        net = ARCHITECTURES[name]()
    if weights not in ('imagenet', 'none'):
        load_weights(net, weights)
    return net


def load_weights(net, path) -> None:
    """Load what fits by name and shape; the classifier layer of a file made for other classes is left out."""
    state = torch.load(path, map_location='cpu', weights_only=True)
    state = state.get('model', state)
    state = {k.removeprefix('module.').removeprefix('net.'): v for k, v in state.items()}
    own = net.state_dict()
    fitting = {k: v for k, v in state.items() if k in own and own[k].shape == v.shape}
    if len(fitting) < 0.9 * len(own):
        raise ValueError(f'{path} fits {len(fitting)} of {len(own)} tensors of the network')
    net.load_state_dict(fitting, strict=False)


class Classifier(nn.Module):
    """image [N, 3, H, W] -> (logit [N, 1], cam [N, 1, H/32, W/32])."""

    def __init__(self, name, weights='none') -> None:
        super().__init__()
        self.name, self.net = name, create(name, weights)
        self.guide_scale = nn.Parameter(torch.tensor(0.7))
        self.guide_bias = nn.Parameter(torch.tensor(-1.2))

    def forward(self, image) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.net.forward_features(image)
        linear = self.net.get_classifier()
        cam = nn.functional.conv2d(features, linear.weight[:, :, None, None], linear.bias)
        return cam.mean((2, 3)), cam

    def guide(self, cam) -> torch.Tensor:
        """Logits per place for the lesion map; only training uses them.

        Taken from the batch's mean, so that "most places are clear" does not pull the probability down.
        """
        return (cam - cam.mean()) * self.guide_scale + self.guide_bias


class Deployed(nn.Module):
    """What is exported: image [N, 3, 224, 224] -> probability [N, 1], cam [N, 1, 7, 7] (logits).

    A network trained at another size has its input resized in the graph, and its map brought back to 7 by 7.
    """

    def __init__(self, classifier, size=224) -> None:
        super().__init__()
        self.classifier, self.size = classifier, size

    def forward(self, image) -> tuple[torch.Tensor, torch.Tensor]:
        logit, cam = self.classifier(resize(image, self.size / 224))
        if self.size != 224:
            cam = nn.functional.interpolate(cam, size=(7, 7), mode='bilinear', align_corners=False)
        return torch.sigmoid(logit), cam


def resize(image, scale, multiple=1) -> torch.Tensor:
    """Bilinear; height and width rounded down to a multiple."""
    size = [int(n * scale + 1e-6) // multiple * multiple for n in image.shape[2:]]
    if size == list(image.shape[2:]):
        return image
    return nn.functional.interpolate(image, size=size, mode='bilinear', align_corners=False)


def to_input(pictures) -> torch.Tensor:
    """[N, H, W] uint8 or 0..255 float tensor -> [N, 3, H, W] float32, ImageNet normalisation."""
    unit = pictures.float().div(255)[:, None]
    mean, std = (torch.tensor(v, device=unit.device)[None, :, None, None] for v in (MEAN, STD))
    return (unit - mean) / std
