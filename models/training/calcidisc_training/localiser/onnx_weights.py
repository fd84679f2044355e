"""A localiser's ONNX file back into PyTorch, to go on training where no weights.pt was kept.

An exported file has its batch norms folded into the convolutions. They are unfolded by what the convolutions give on
training samples: the network's answers stay the same, and batches are normalised by the statistics they have.
"""
import numpy as np
import onnx
import torch
import torch.nn as nn
from onnx import numpy_helper

from .localiser_net import Localiser


def convolutions(path) -> list[tuple[np.ndarray, np.ndarray]]:
    """[(weight, bias)] of an ONNX file's convolutions as they are run, float32 arrays."""
    graph = onnx.load(path).graph
    values = {i.name: numpy_helper.to_array(i).astype(np.float32) for i in graph.initializer}
    for node in graph.node:
        if node.op_type == 'Cast' and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]]
    return [(values[node.input[1]], values[node.input[2]]) for node in graph.node if node.op_type == 'Conv']


def layers_in_order(model, image) -> list[tuple[nn.Conv2d, nn.BatchNorm2d | None]]:
    """[(convolution, batch norm or None)] in the order in which they are run."""
    norm_of = {}
    for module in model.modules():
        if isinstance(module, nn.Sequential):
            parts = list(module)
            norm_of.update({a: b for a, b in zip(parts, parts[1:]) if isinstance(a, nn.Conv2d) and isinstance(b, nn.BatchNorm2d)})
    order = []
    hooks = [m.register_forward_hook(lambda m, _, __: order.append((m, norm_of.get(m)))) for m in model.modules() if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        model(image)
    for hook in hooks:
        hook.remove()
    return order


def from_onnx(path, images) -> Localiser:
    """A Localiser with an ONNX file's weights. images: training samples [N, 1, H, W], a few dozen at best.

    Raises ValueError when the file is not of this network.
    """
    model = Localiser().eval()
    layers, folded = layers_in_order(model, images[:1]), convolutions(path)
    if [tuple(c.weight.shape) for c, _ in layers] != [w.shape for w, _ in folded]:
        raise ValueError(f'{path} is not a localiser of this shape')
    norms = [(conv, norm, torch.tensor(bias)) for (conv, norm), (_, bias) in zip(layers, folded) if norm is not None]
    with torch.no_grad():
        for (conv, norm), (weight, bias) in zip(layers, folded):
            conv.weight.copy_(torch.tensor(weight))
            if norm is None:
                conv.bias.copy_(torch.tensor(bias))
        for _, norm, bias in norms:
            set_norm(norm, torch.zeros_like(bias), torch.ones_like(bias) - norm.eps, torch.ones_like(bias), bias)
        for (_, norm, bias), (mean, variance) in zip(norms, statistics(model, [conv for conv, _, _ in norms], images)):
            set_norm(norm, mean, variance, torch.sqrt(variance + norm.eps), bias + mean)
    return model


def set_norm(norm, mean, variance, weight, bias) -> None:
    for mine, value in ((norm.running_mean, mean), (norm.running_var, variance), (norm.weight, weight), (norm.bias, bias)):
        mine.copy_(value)


def statistics(model, layers, images) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """[(mean, variance)] per channel of what each layer gives on the images."""
    seen = {layer: [] for layer in layers}

    def note(layer, _, out) -> None:
        seen[layer].append((out.mean((0, 2, 3)), out.square().mean((0, 2, 3))))
    hooks = [layer.register_forward_hook(note) for layer in layers]
    for batch in images.split(4):
        model(batch)
    for hook in hooks:
        hook.remove()
    means = {layer: [torch.stack(part).mean(0) for part in zip(*pairs)] for layer, pairs in seen.items()}
    return [(means[layer][0], (means[layer][1] - means[layer][0].square()).clamp(min=1e-4)) for layer in layers]
