"""ResNet-34, DenseNet-121 and MobileViT-S as timm builds them, where timm is not installed.

The same layers under the same names, so that files of weights go both ways; held to timm by tests/test_networks.py.
With ImageNet weights, or wherever timm is installed, classifier_net takes timm's own.

He et al., CVPR 2016, 770-778; Huang et al., CVPR 2017, 4700-4708; Mehta and Rastegari, ICLR 2022 (arXiv 2110.02178).
"""
import math
from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    def __init__(self, before, after, stride) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample = None
        if stride > 1 or before != after:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
        nn.init.zeros_(self.bn2.weight)

    def forward(self, x) -> torch.Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + shortcut)


class ResNet34(nn.Module):
    def __init__(self, classes=1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        before = 64
        for i, (after, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
            layer = [BasicBlock(before if k == 0 else after, after, 2 if i and k == 0 else 1) for k in range(blocks)]
            self.add_module(f'layer{i + 1}', nn.Sequential(*layer))
            before = after
        self.fc = nn.Linear(512, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode='fan_out', nonlinearity='relu')

    def forward_features(self, x) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    def get_classifier(self) -> nn.Linear:
        return self.fc


class NormRelu(nn.BatchNorm2d):
    def forward(self, x) -> torch.Tensor:
        return F.relu(super().forward(x))


class DenseLayer(nn.Module):
    def __init__(self, before, growth) -> None:
        super().__init__()
        self.norm1 = NormRelu(before)
        self.conv1 = nn.Conv2d(before, 4 * growth, 1, bias=False)
        self.norm2 = NormRelu(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x) -> torch.Tensor:
        return torch.cat([x, self.conv2(self.norm2(self.conv1(self.norm1(x))))], 1)


class DenseNet121(nn.Module):
    def __init__(self, classes=1, growth=32) -> None:
        super().__init__()
        layers = OrderedDict(conv0=nn.Conv2d(3, 64, 7, 2, 3, bias=False), norm0=NormRelu(64), pool0=nn.MaxPool2d(3, 2, 1))
        width = 64
        for i, count in enumerate((6, 12, 24, 16)):
            layers[f'denseblock{i + 1}'] = nn.Sequential(OrderedDict((f'denselayer{k + 1}', DenseLayer(width + k * growth, growth)) for k in range(count)))
            width += count * growth
            if i < 3:
                layers[f'transition{i + 1}'] = nn.Sequential(OrderedDict(norm=NormRelu(width), conv=nn.Conv2d(width, width // 2, 1, bias=False), pool=nn.AvgPool2d(2, 2)))
                width //= 2
        layers['norm5'] = NormRelu(width)
        self.features = nn.Sequential(layers)
        self.classifier = nn.Linear(width, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward_features(self, x) -> torch.Tensor:
        return self.features(x)

    def get_classifier(self) -> nn.Linear:
        return self.classifier


class ConvNormAct(nn.Module):
    def __init__(self, before, after, kernel, stride=1, groups=1, act=True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(after)
        self.act = act

    def forward(self, x) -> torch.Tensor:
        x = self.bn(self.conv(x))
        return F.silu(x) if self.act else x


class Bottleneck(nn.Module):
    """Inverted residual: wide inside, no activation at the end."""

    def __init__(self, before, after, stride) -> None:
        super().__init__()
        self.conv1_1x1 = ConvNormAct(before, 4 * before, 1)
        self.conv2_kxk = ConvNormAct(4 * before, 4 * before, 3, stride, groups=4 * before)
        self.conv3_1x1 = ConvNormAct(4 * before, after, 1, act=False)
        self.residual = stride == 1 and before == after

    def forward(self, x) -> torch.Tensor:
        y = self.conv3_1x1(self.conv2_kxk(self.conv1_1x1(x)))
        return x + y if self.residual else y


class Attention(nn.Module):
    def __init__(self, width, heads=4) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x) -> torch.Tensor:
        batch, places, width = x.shape
        q, k, v = self.qkv(x).reshape(batch, places, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        weights = ((q * (width // self.heads) ** -0.5) @ k.transpose(-2, -1)).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(batch, places, width))


class Mlp(nn.Module):
    def __init__(self, width) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x) -> torch.Tensor:
        return self.fc2(F.silu(self.fc1(x)))


class LayerNorm(nn.LayerNorm):
    """In float32 whatever comes in: PyTorch 1.13 on CPUs takes no bfloat16 beside float32 weights."""

    def forward(self, x) -> torch.Tensor:
        return super().forward(x.float()).to(x.dtype)


class Transformer(nn.Module):
    def __init__(self, width) -> None:
        super().__init__()
        self.norm1, self.attn = LayerNorm(width), Attention(width)
        self.norm2, self.mlp = LayerNorm(width), Mlp(width)

    def forward(self, x) -> torch.Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class MobileVitBlock(nn.Module):
    """Attention among the pixels at the same place of all 2 by 2 patches, between convolutions."""

    def __init__(self, channels, width, depth) -> None:
        super().__init__()
        self.conv_kxk = ConvNormAct(channels, channels, 3)
        self.conv_1x1 = nn.Conv2d(channels, width, 1, bias=False)
        self.transformer = nn.Sequential(*[Transformer(width) for _ in range(depth)])
        self.norm = LayerNorm(width)
        self.conv_proj = ConvNormAct(width, channels, 1)
        self.conv_fusion = ConvNormAct(2 * channels, channels, 3)

    def forward(self, x) -> torch.Tensor:
        y = self.conv_1x1(self.conv_kxk(x))
        batch, width, height, breadth = y.shape
        rows, columns = math.ceil(height / 2), math.ceil(breadth / 2)
        odd = (2 * rows, 2 * columns) != (height, breadth)
        if odd:
            y = F.interpolate(y, size=(2 * rows, 2 * columns), mode='bilinear', align_corners=False)
        y = y.reshape(batch * width * rows, 2, columns, 2).transpose(1, 2)
        y = y.reshape(batch, width, rows * columns, 4).transpose(1, 3).reshape(batch * 4, rows * columns, width)
        y = self.norm(self.transformer(y)).reshape(batch, 4, rows * columns, width)
        y = y.transpose(1, 3).reshape(batch * width * rows, columns, 2, 2)
        y = y.transpose(1, 2).reshape(batch, width, 2 * rows, 2 * columns)
        if odd:
            y = F.interpolate(y, size=(height, breadth), mode='bilinear', align_corners=False)
        return self.conv_fusion(torch.cat([x, self.conv_proj(y)], 1))


class MobileVitS(nn.Module):
    def __init__(self, classes=1) -> None:
        super().__init__()
        self.stem = ConvNormAct(3, 16, 3, 2)
        stages, before = [nn.Sequential(Bottleneck(16, 32, 1)), nn.Sequential(Bottleneck(32, 64, 2), Bottleneck(64, 64, 1), Bottleneck(64, 64, 1))], 64
        for channels, width, depth in ((96, 144, 2), (128, 192, 4), (160, 240, 3)):
            stages.append(nn.Sequential(Bottleneck(before, channels, 2), MobileVitBlock(channels, width, depth)))
            before = channels
        self.stages = nn.Sequential(*stages)
        self.final_conv = ConvNormAct(160, 640, 1)
        self.head = nn.Sequential(OrderedDict(fc=nn.Linear(640, classes)))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels // module.groups
                nn.init.normal_(module.weight, 0, math.sqrt(2 / fan_out))
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
                nn.init.zeros_(module.bias)

    def forward_features(self, x) -> torch.Tensor:
        return self.final_conv(self.stages(self.stem(x)))

    def get_classifier(self) -> nn.Linear:
        return self.head.fc


ARCHITECTURES = dict(resnet34=ResNet34, densenet121=DenseNet121, mobilevit_s=MobileVitS)
