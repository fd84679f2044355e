"""networks.py against timm: names, shapes and outputs. PYTHONPATH=. python tests/test_networks.py writes timm_networks.json (needs timm)."""
import hashlib
import importlib.util
import json
import os

import numpy as np
import pytest
import torch

from calcidisc_training.classifier.networks import ARCHITECTURES

EXPECTED = os.path.join(os.path.dirname(__file__), 'timm_networks.json')


def drawn_weights(net):
    """Fill every tensor from a generator named by it: the same on every version of PyTorch."""
    state = net.state_dict()
    for name, value in state.items():
        if not value.dtype.is_floating_point:
            continue
        seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], 'big')
        drawn = np.random.RandomState(seed).standard_normal(tuple(value.shape))
        if name.endswith('running_var'):
            drawn = 0.75 + 0.25 * np.tanh(drawn)
        elif value.dim() == 1:
            drawn = 0.1 * drawn + (0.8 if name.endswith('weight') else 0)
        else:
            drawn *= (2 / np.prod(value.shape[1:])) ** 0.5
        value.copy_(torch.from_numpy(drawn.astype(np.float32)))
    net.load_state_dict(state)
    return net.eval()


def described(net):
    """What two definitions of one network must share; features at 224 and at 96, where maps have odd sides."""
    names = {k: list(v.shape) for k, v in net.state_dict().items()}
    found = dict(tensors=len(names), names=hashlib.sha256(json.dumps(names, sort_keys=True).encode()).hexdigest())
    drawn_weights(net)
    for side in (224, 96):
        image = torch.from_numpy(np.random.RandomState(side).standard_normal((1, 3, side, side)).astype(np.float32))
        with torch.no_grad():
            features = net.forward_features(image)
            logit = torch.nn.functional.linear(features.mean((2, 3)), net.get_classifier().weight, net.get_classifier().bias)
        found[str(side)] = dict(logit=logit.item(), mean=features.mean().item(), deviation=features.std().item())
    return found


@pytest.mark.parametrize('name', ARCHITECTURES)
def test_our_definition_has_the_tensors_and_the_answers_of_timms(name) -> None:
    with open(EXPECTED, encoding='utf-8') as f:
        expected = json.load(f)[name]
    found = described(ARCHITECTURES[name]())
    assert (found['tensors'], found['names']) == (expected['tensors'], expected['names'])
    for side in ('224', '96'):
        for figure, value in expected[side].items():
            assert found[side][figure] == pytest.approx(value, rel=1e-3, abs=1e-4), (side, figure)


if importlib.util.find_spec('timm'):
    @pytest.mark.parametrize('name', ARCHITECTURES)
    def test_the_stored_answers_are_timms(name) -> None:
        import timm
        with open(EXPECTED, encoding='utf-8') as f:
            expected = json.load(f)[name]
        found = described(timm.create_model(name, num_classes=1))
        assert found['names'] == expected['names'] and found['224'] == pytest.approx(expected['224'], rel=1e-3, abs=1e-4)


if __name__ == '__main__':
    import timm
    answers = {name: described(timm.create_model(name, num_classes=1)) for name in ARCHITECTURES}
    with open(EXPECTED, 'w', encoding='utf-8') as f:
        json.dump(dict(madeWith=f'timm {timm.__version__}, PyTorch {torch.__version__}', **answers), f, indent=1)
        f.write('\n')
