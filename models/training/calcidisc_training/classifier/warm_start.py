"""A shipped ONNX file as the start of a training: its weights back in PyTorch, the head of flag_head too where it has one.

The export folded batch normalisation into the convolutions. Each comes back as the convolution it was folded into, with a
normalisation behind it that does nothing but add the bias, so that what is trained on is exactly what ran.
"""
import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from .flag_head import FlagHead
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


def fill(convolution, given) -> None:
    """convolution: nn.Conv2d. given: (weight, bias or None) as arrays. Raises ValueError where shapes differ."""
    weight, bias = given
    if weight.shape != tuple(convolution.weight.shape):
        raise ValueError(f'a convolution of {weight.shape} where one of {tuple(convolution.weight.shape)} belongs')
    convolution.weight.copy_(torch.from_numpy(weight))
    if bias is not None:
        convolution.bias.copy_(torch.from_numpy(bias))


def fill_trunk(net, found) -> list:
    """Fills a ResNet's convolutions; those of `found` that are left, in the order they run."""
    given = []
    for group in (groups := blocks_of(net)):
        own, found = found[:len(group)], found[len(group):]
        given += sorted(own, key=lambda pair: pair[0].shape[2] == 1)
    for (weight, bias), (conv, norm) in zip(given, (pair for group in groups for pair in group)):
        conv.weight.copy_(torch.from_numpy(weight))
        norm.weight.fill_(1)
        norm.bias.copy_(torch.from_numpy(bias))
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
    return found


@torch.no_grad()
def resnet34_from_onnx(path) -> tuple[nn.Module, FlagHead | None]:
    """The network of a models/resnet34 file, and its head where it is one of flag_head (version 3 and later).

    Raises ValueError where the file is no ResNet-34.
    """
    net, head = ARCHITECTURES['resnet34'](), FlagHead()
    heads = [head.third, head.fourth, head.join, head.again, head.out]
    found, trunk = folded_convolutions(path), sum(len(group) for group in blocks_of(net))
    if len(found) - trunk not in (1, len(heads)):
        raise ValueError(f'{path} has {len(found)} convolutions, a ResNet-34 {trunk} and 1 of its map, or {len(heads)} of a head')
    left = fill_trunk(net, found)
    if len(left) == 1:
        weight, bias = left[0]
        net.get_classifier().weight.copy_(torch.from_numpy(weight[:, :, 0, 0]))
        net.get_classifier().bias.copy_(torch.from_numpy(bias))
        return net.eval(), None
    for convolution, given in zip(heads, left):
        fill(convolution, given)
    return net.eval(), head.eval()
