"""A shipped ONNX file as the start of a training: its weights back in PyTorch.

The export folded batch normalisation into the convolutions. Each comes back as the convolution it was folded into, with a
normalisation behind it that does nothing but add the bias, so that what is trained on is exactly what ran.
"""
import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from .networks import ARCHITECTURES


def folded_convolutions(path) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """(weight, bias or None) of every convolution of an ONNX file in the order they run, float32."""
    graph = onnx.load(path).graph
    values = {i.name: numpy_helper.to_array(i).astype(np.float32) for i in graph.initializer}
    for node in graph.node:
        if node.op_type == 'Cast' and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]]
    return [(values[n.input[1]], values[n.input[2]] if len(n.input) > 2 else None) for n in graph.node if n.op_type == 'Conv']


def blocks_of(net) -> list[list[tuple[nn.Conv2d, nn.BatchNorm2d]]]:
    """A ResNet's convolutions with their normalisations, those of a block together: files differ in where a block's shortcut stands."""
    groups = [[(net.conv1, net.bn1)]]
    for layer in (net.layer1, net.layer2, net.layer3, net.layer4):
        for block in layer:
            shortcut = [] if block.downsample is None else [(block.downsample[0], block.downsample[1])]
            groups.append([(block.conv1, block.bn1), (block.conv2, block.bn2), *shortcut])
    return groups


@torch.no_grad()
def resnet34_from_onnx(path) -> nn.Module:
    """The network of a models/resnet34 file. Raises ValueError where it is none."""
    net = ARCHITECTURES['resnet34']()
    found, groups = folded_convolutions(path), blocks_of(net)
    count = sum(len(group) for group in groups)
    if len(found) != count + 1:
        raise ValueError(f'{path} has {len(found)} convolutions, a ResNet-34 with its map {count + 1}')
    given = []
    for group in groups:
        own, found = found[:len(group)], found[len(group):]
        given += sorted(own, key=lambda pair: pair[0].shape[2] == 1)
    for (weight, bias), (conv, norm) in zip(given, (pair for group in groups for pair in group)):
        conv.weight.copy_(torch.from_numpy(weight))
        norm.weight.fill_(1)
        norm.bias.copy_(torch.from_numpy(bias))
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
    weight, bias = found[0]
    net.get_classifier().weight.copy_(torch.from_numpy(weight[:, :, 0, 0]))
    net.get_classifier().bias.copy_(torch.from_numpy(bias))
    return net.eval()
