"""The network, its losses, a short run with resume, and the exported file."""
import json
import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from calcidisc_training.common.runtime import open_session
from calcidisc_training.localiser import localiser_card
from calcidisc_training.localiser.candidates import by_chain, candidates
from calcidisc_training.localiser.localiser_net import Localiser, level_loss, losses
from calcidisc_training.spine.levels import BELOW, DISC, IGNORE, UNKNOWABLE

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VERSIONS = os.path.join(os.path.dirname(HERE), 'localiser')


def write_spider(folder, patients=(7, 11), slices=4):
    """A tiny collection in SPIDER's layout: drawn discs and vertebrae."""
    for kind in ('images', 'masks'):
        os.makedirs(folder / kind)
    mask = np.zeros((640, 512), np.uint8)
    for row in (500, 425, 350, 275, 200, 130):
        mask[row - 60:row - 12, 230:300] = 76
        mask[row - 9:row + 9, 230:300] = 29
    mask[40:560, 310:330] = 150
    for p in patients:
        for n in range(slices):
            Image.fromarray((mask // 2 + p).astype(np.uint8)).save(folder / 'images' / f'{p}_t2_SPACE_slice{50 + n}.png')
            Image.fromarray(mask).save(folder / 'masks' / f'{p}_t2_SPACE_slice{50 + n}.png')
    return folder


def run_training(data, out, steps, *more):
    command = [sys.executable, '-m', 'calcidisc_training.localiser.train_localiser', '--data', str(data), '--out', str(out), '--workers', '0', '--threads', '1',
               '--steps', str(steps), '--batch', '2', '--every', '2', '--no-bf16', *more]
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope='module')
def run_folder(tmp_path_factory):
    data = write_spider(tmp_path_factory.mktemp('spider'))
    out = tmp_path_factory.mktemp('run')
    run_training(data, out, 4)
    return data, out


@pytest.mark.parametrize('height, width', [(32, 64), (320, 256)])
def test_outputs_have_the_size_of_the_input(height, width) -> None:
    tissue, level = Localiser()(torch.zeros(2, 1, height, width))
    assert tissue.shape == (2, 4, height, width) and level.shape == (2, 7, height, width)


def test_a_right_answer_costs_less_than_a_wrong_one() -> None:
    tissue = torch.zeros(1, 32, 32, dtype=torch.int64)
    tissue[:, 10:20] = DISC
    level = torch.where(tissue == DISC, 2, IGNORE)
    right = torch.nn.functional.one_hot(tissue, 4).permute(0, 3, 1, 2) * 8.0
    named, wrong = torch.zeros(1, 7, 32, 32), torch.zeros(1, 7, 32, 32)
    named[:, 2], wrong[:, 3] = 8.0, 8.0
    good, bad = losses(right, named, tissue, level), losses(-right, wrong, tissue, level)
    assert good[0] < 0.1 < bad[0] and good[1] < 0.1 < bad[1]


def test_an_unknowable_level_asks_for_an_even_spread() -> None:
    level = torch.full((1, 8, 8), UNKNOWABLE)
    sure, even = torch.zeros(1, 7, 8, 8), torch.zeros(1, 7, 8, 8)
    sure[:, 1], even[:, :BELOW] = 9.0, 5.0
    assert level_loss(even, level) < level_loss(sure, level)


def test_training_goes_on_from_its_checkpoint(run_folder, tmp_path) -> None:
    data, out = run_folder
    assert 'resumed at step 4' in run_training(data, out, 6, '--resume')
    assert torch.load(out / 'checkpoint.pt')['step'] == 6


def test_training_can_start_from_finished_weights(run_folder, tmp_path) -> None:
    data, out = run_folder
    run_training(data, tmp_path, 1, '--init', str(out / 'weights.pt'), '--rate', '0')
    before, after = (torch.load(folder / 'weights.pt')['head.weight'] for folder in (out, tmp_path))
    assert torch.allclose(before, after, atol=1e-6)


def test_a_resumed_run_draws_what_an_unbroken_one_would(run_folder) -> None:
    from calcidisc_training.localiser.train_localiser import Samples
    from calcidisc_training.spine.spider import load_patients
    volumes = load_patients(str(run_folder[0]), [7, 11])
    whole, rest = Samples(volumes, 1, 0, 6), Samples(volumes, 1, 4, 2)
    assert np.array_equal(whole[5][0], rest[1][0])


def test_onnx_runs_as_pytorch_does_and_holds_half_precision_weights(run_folder, tmp_path) -> None:
    card = localiser_card.export(str(run_folder[1]), str(tmp_path), '9')
    model = localiser_card.load_weights(str(run_folder[1]))
    session = open_session(str(tmp_path / 'model.onnx'))
    for shape in ((1, 1, 64, 96), (3, 1, 320, 256)):
        image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        with torch.no_grad():
            expected = model(torch.from_numpy(image))
        for name, want in zip(('tissue', 'level'), expected):
            got = session.run([name], {'image': image})[0]
            assert got.shape == tuple(want.shape)
            assert np.abs(got - want.numpy()).max() < 0.02 * max(1.0, want.abs().max().item())
    kinds = {i.data_type for i in onnx.load(str(tmp_path / 'model.onnx')).graph.initializer if np.prod(i.dims) >= 256}
    assert kinds == {onnx.TensorProto.FLOAT16}
    assert card['sha256'] and card['trainingData']['heldOut'] == []


@pytest.mark.parametrize('version', sorted(os.listdir(VERSIONS)) if os.path.isdir(VERSIONS) else [])
def test_a_committed_version_is_the_one_its_card_describes(version) -> None:
    from calcidisc_training.common.export import sha256_of
    folder = os.path.join(VERSIONS, version)
    with open(os.path.join(folder, 'card.json'), encoding='utf-8') as f:
        card = json.load(f)
    assert card['sha256'] == sha256_of(os.path.join(folder, 'model.onnx')) and card['version'] == version
    assert not set(card['trainingData']['patients']) & set(card['trainingData']['heldOut'])
    assert 'Sci Data 11:264' in card['trainingData']['attribution']


@pytest.mark.parametrize('version', sorted(os.listdir(VERSIONS)) if os.path.isdir(VERSIONS) else [])
def test_a_committed_version_finds_the_discs_of_drawn_spines(version) -> None:
    from calcidisc_training.localiser import evaluate_localiser
    from calcidisc_training.localiser.evaluate_localiser import infer
    from calcidisc_training.localiser.synthetic_spine import synthetic_spine
    session, right, discs = evaluate_localiser.open_session(os.path.join(VERSIONS, version)), 0, 0
    for seed in range(6):
        image, _, level, *_ = synthetic_spine(np.random.default_rng(seed))
        found = candidates(*infer(session, image))
        for k, name in zip(found, by_chain(found)):
            right += level[int(k.centre[0]), int(k.centre[1])] == name
        discs += sum((level == k).sum() > 60 for k in range(5))
    assert right >= 0.8 * discs
