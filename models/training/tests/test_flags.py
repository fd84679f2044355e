"""Real untouched discs, traces and painted ones: sets that are the same again, a painter nobody learns from, a network that says how far off it is."""
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn import drawn_anatomy

import calcidisc_training
from calcidisc_training.classifier import flag_card, flag_chunks, train_flags, within_spine
from calcidisc_training.classifier.flag_head import Distance
from calcidisc_training.classifier.warm_start import resnet34_from_onnx
from calcidisc_training.common.runtime import open_session
from calcidisc_training.sets import alter_stack
from calcidisc_training.sets.flag_sets import draw_region, make_flag_pool
from calcidisc_training.sets.real_regions import read_discs
from calcidisc_training.sets.roi import extent_of, grey_range

MODELS = Path(__file__).resolve().parents[2]
SHIPPED = str(MODELS / 'resnet34' / '2' / 'model.onnx')


def write_stack(folder, patient, slices=6, gap=0.9) -> None:
    """As `npm run bench:flags -- --slices` writes it, with one drawn disc."""
    os.makedirs(folder)
    drawn = [drawn_anatomy(seed=k) for k in range(slices)]
    extent = extent_of(drawn[0].disc)
    about = [dict(sopInstanceUid=f'2.25.{k}', rows=240, columns=260, spacingMm=[0.47, 0.47], grey=grey_range(d.pixels), positionMm=(k - slices / 2) * gap,
                  discs=[dict(level='L4-L5', extent=list(extent), canalBehind=0.9)]) for k, d in enumerate(drawn)]
    np.stack([d.pixels for d in drawn]).astype('<f4').tofile(folder / 'pixels.f32')
    np.stack([d.mask for d in drawn]).astype(np.uint8).tofile(folder / 'labels.u8')
    (folder / 'stack.json').write_text(json.dumps(dict(patientId=patient, status='located', reasons=[], gapMm=gap, middleMm=0.0, slices=about)))


@pytest.fixture(scope='module')
def slices(tmp_path_factory):
    root = tmp_path_factory.mktemp('slices')
    for patient in ('SPIDER1', 'SPIDER57'):
        write_stack(root / 'spider' / patient, patient)
    write_stack(root / 'sudirman-t2' / '31', 'SUD31', slices=1, gap=0)
    return root


def test_a_set_is_the_same_again_and_holds_what_it_says(slices):
    discs = read_discs(str(slices))
    one, two = make_flag_pool(discs, 24, 5, ('sudirman-t2',)), make_flag_pool(discs, 24, 5, ('sudirman-t2',))
    assert np.array_equal(one.pictures, two.pictures) and one.about == two.about
    assert [a['kind'] == 'calcified' for a in one.about] == list(one.labels == 1)
    assert {a['kind'] for a in one.about if a['source'] == 'sudirman-t2'} == {'untouched'}
    assert (one.cells[one.labels == 0] == 0).all() and one.cells[one.labels == 1].max() > 0.5


def test_untouched_without_a_scanner_is_the_region_that_the_agent_cuts(slices):
    disc = read_discs(str(slices))[0]
    window = disc.cut()
    picture, cells, about = draw_region(np.random.default_rng(1), disc, 'untouched', scanner=False)
    from calcidisc_training.sets.roi import region_of, region_pixels
    whole = np.array(disc.stack.pixels[disc.at])
    assert np.array_equal(picture, region_pixels(whole, region_of(disc.extent, (0.47, 0.47)), *window.grey))
    assert cells.max() == 0 and about['kind'] == 'untouched'


def test_no_module_of_the_training_knows_the_painter_that_measures():
    users = {file.name for file in Path(calcidisc_training.__file__).parent.glob('*/*.py') if re.search(r'^from .*unseen_painter', file.read_text(encoding='utf-8'), re.M)}
    assert users == {'alter_stack.py', 'detectability.py'}         # both measure


def test_a_painted_twin_differs_where_it_is_painted_alone(slices, tmp_path):
    source = str(slices / 'spider' / 'SPIDER1')
    stack = alter_stack.read_stack(source, 'measured')
    for painter in ('seen', 'unseen'):
        painted, told = alter_stack.painted_stack(stack, painter, 0.0, 3)
        changed = np.abs(np.array(painted.pixels[3]) - np.array(stack.pixels[3])) > 0
        assert 0 < changed.mean() < 0.25
        assert told['3']['L4-L5']['lossMm2'] >= alter_stack.LEAST_MM2


def test_thicker_slices_and_another_scanner_keep_the_series_in_its_place(slices):
    stack = alter_stack.thick_stack(alter_stack.read_stack(str(slices / 'spider' / 'SPIDER1'), 'measured'), 3)
    assert len(stack.slices) == 2 and stack.gap_mm == pytest.approx(2.7)
    made = alter_stack.scanned_stack(stack, 2)
    for one, image in zip(made.slices, made.pixels):
        assert image.shape == (one['rows'], one['columns'])
        assert one['rows'] * one['spacingMm'][0] == pytest.approx(240 * 0.47, rel=0.01)


def test_a_shipped_file_starts_a_training_as_it_ran():
    from calcidisc_training.classifier.classifier_net import Classifier, Deployed, to_input
    from calcidisc_training.classifier.parity import parity_pictures
    classifier = Classifier('resnet34')
    classifier.net.load_state_dict(resnet34_from_onnx(SHIPPED)[0].state_dict())
    wanted = json.loads((MODELS / 'resnet34' / '2' / 'parity.json').read_text())['probabilities'][:3]
    with torch.no_grad():
        found = Deployed(classifier, 128).eval()(to_input(torch.from_numpy(parity_pictures(3))))[0][:, 0].numpy()
    assert np.allclose(found, wanted, atol=2e-3)


def test_a_file_with_its_own_head_starts_a_training_as_it_ran():
    from calcidisc_training.classifier.parity import parity_pictures
    wanted = np.array(json.loads((MODELS / 'resnet34' / '4' / 'parity.json').read_text())['probabilities'])
    flags = train_flags.Flags(*resnet34_from_onnx(str(MODELS / 'resnet34' / '4' / 'model.onnx')))
    found, _ = train_flags.run_on(flags, parity_pictures(len(wanted)))
    # What ran is calibrated: its logit is the head's, scaled and shifted.
    assert np.corrcoef(found, np.log(wanted / (1 - wanted)))[0, 1] > 0.999


def test_what_is_turned_takes_its_places_along():
    pictures, cells = np.zeros((64, 224, 224), np.uint8), np.zeros((64, 7, 7), np.float32)
    pictures[:, 64:96, 160:192], cells[:, 2, 5] = 255, 1
    moved, places = train_flags.varied(np.random.default_rng(3), pictures, cells)

    def centre(images) -> list:
        return [[(image.sum(axis) * (np.arange(len(image)) + 0.5)).sum() / image.sum() / len(image) for axis in (1, 0)] for image in images]

    assert np.abs(np.array(centre(moved - moved.min((1, 2), keepdims=True))) - centre(places)).max() < 0.09


def told(source, variant, level, probability, alone=None, distance=1.0, painted=None) -> dict:
    return dict(source=source, series='a', variant=variant, network='net@1', level=level, probability=probability, alone=alone, distance=distance, painted=painted)


def test_discs_are_held_against_their_spine_as_it_was_before_anything_was_painted(tmp_path):
    levels, file = ('L1-L2', 'L2-L3', 'L3-L4', 'L4-L5', 'L5-S1'), tmp_path / 'told.jsonl'
    plain = [told('clinic', 'plain', level, p) for level, p in zip(levels, (0.5, 0.1, 0.1, 0.1, 0.99))]
    plain[4]['distance'] = 9
    painted = [told('clinic', 'painted-seen', 'L1-L2', 0.2, alone=0.9, painted=dict(lossMm2=20))]
    file.write_text('\n'.join(json.dumps(dict(told=one)) for one in (plain, painted)))
    found = within_spine.read_discs_told(file, 'net@1', 2)
    assert len(found) == 5, 'what cannot be assessed is not told, and no neighbour'
    of = {(d.variant, round(d.logit, 1)): d for d in found}
    assert of['painted-seen', 2.2].above == pytest.approx(2 * np.log(9)) and of['plain', 0.0].above == pytest.approx(np.log(9))
    highest = max(d.moved for d in found if not d.painted)
    assert highest < within_spine.bound(found, 0.05) < highest + 0.2, 'four discs: none may be flagged'
    assert within_spine.bound(found, 0.25) < highest, 'one may'
    scale, shift = within_spine.calibrated([d for d in found for _ in range(3)], 0.4)
    assert scale > 0 and within_spine.probability(of['painted-seen', 2.2].moved, scale, shift) > 0.8


def test_the_distance_is_about_one_where_it_learnt_and_far_elsewhere():
    rng = np.random.default_rng(2)
    features = (rng.standard_normal((900, 768)) * np.linspace(3, 0.2, 768)).astype(np.float32)
    distance = Distance()
    distance.fit(features)
    with torch.no_grad():
        own, other = distance(torch.from_numpy(features)).numpy(), distance(torch.from_numpy(features * 4)).numpy()
    assert 0.9 < own.mean() < 1.1 and other.min() > own.max()


def test_from_slices_to_a_model_that_says_when_it_cannot_tell(slices, tmp_path, monkeypatch, capsys):
    chunks, run, model = (str(tmp_path / name) for name in ('chunks', 'run', 'model'))

    def call(module, *arguments):
        monkeypatch.setattr('sys.argv', [module.__name__, *arguments])
        module.main()

    call(flag_chunks, '--slices', str(slices), '--out', chunks, '--training', '1', '--held', '1', '--count', '64')
    call(train_flags, '--chunks', chunks, '--start', SHIPPED, '--out', run, '--minutes', '0.05', '--no-bf16')
    call(flag_card, '--start', SHIPPED, '--chunks', chunks, '--run', run, '--out', model, '--version', '9')
    card = json.loads(Path(model, 'card.json').read_text())
    assert 0 < card['indeterminateFrom'] <= card['threshold'] < 1 and card['assessable']['maxDistance'] > 0
    assert set(card['trainingData']['patients']) == {'SPIDER1'} and set(card['trainingData']['heldOut']) == {'SPIDER57', 'SUD31'}
    told_of = [dict(told=[told(source, v, level, p, painted=dict(lossMm2=20) if v == 'painted-seen' else None) | dict(network='resnet34@9', series=str(k), distance=0.5)
                          for k in range(6) for level, p in zip(('L1-L2', 'L2-L3', 'L3-L4'), (0.1 + 0.02 * k, 0.2, 0.3))]) for source in ('spider', 'sudirman-t2') for v in ('plain', 'painted-seen')]
    Path(tmp_path, 'told.jsonl').write_text('\n'.join(map(json.dumps, told_of)))
    call(flag_card, '--start', SHIPPED, '--chunks', chunks, '--run', run, '--out', model, '--version', '9', '--deployed', str(tmp_path / 'told.jsonl'))
    held = json.loads(Path(model, 'card.json').read_text())
    assert held['withinSpine']['weight'] == within_spine.WEIGHT and held['metrics']['deployed']['spider']['plain']['told'] == 18
    assert held['sha256'] == card['sha256'], 'the bounds are the card\'s alone'
    image = np.zeros((3, 3, 224, 224), np.float32)
    probability, cam, distance = open_session(os.path.join(model, 'model.onnx')).run(['probability', 'cam', 'distance'], {'image': image})
    assert probability.shape == (3, 1) and cam.shape == (3, 1, 7, 7) and distance.shape == (3, 1)
    assert card['metrics']['heldOut']['spider']['untouched'] > 0
