"""python3 -m unittest discover -s tests -p 'test_dataset.py'   (numpy and Pillow only; training needs torch, timm)"""
import csv
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np
from PIL import Image

ROOT = os.path.join(os.path.dirname(__file__), '..')
sys.path.insert(0, ROOT)

from calcidisc_training.common.runtime import has_node_runtime, has_python_runtime  # noqa: E402
from calcidisc_training.sets.dataset import DatasetError, read_dataset, split_by_patient  # noqa: E402
from calcidisc_training.spine.levels import LUMBAR  # noqa: E402

MISSING = [name for name in ('torch', 'onnx') if importlib.util.find_spec(name) is None]
if not (has_python_runtime() or has_node_runtime()):
    MISSING.append('onnxruntime, or Node.js with `npm ci` done')

MANIFEST = dict(kind='calcidisc-dataset', created='2026-01-31', software='calcidisc 0.1.0', site='here', keyFingerprint='0011223344556677',
                sources=dict(regions='automatic', labels='ct'), labelRules=[dict(huLow=120.1, huHigh=383.7)], marginsMm=[10], localisers=['localiser 1'],
                counts=dict(patients=12, cases=12, regions=60, calcified=6, notCalcified=54), controls=dict(how='all'), leftOut=dict(cases=[], discs=[]))


def write_export(folder, patients=10, calcified=4):
    """A folder as `calcidisc dataset export` writes it: each patient five discs, the first `calcified` patients one calcified."""
    os.makedirs(os.path.join(folder, 'regions'))
    rows = []
    for patient in range(patients):
        for at, level in enumerate(reversed(LUMBAR)):
            label = 'calcified' if patient < calcified and at == patient % 5 else 'not-calcified'
            grey = np.random.default_rng([patient, at]).normal(60 if label == 'calcified' else 180, 20, (224, 224))
            file = f'regions/c{patient:02d}-{level}.png'
            Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(os.path.join(folder, file))
            rows.append(dict(file=file, patient=f'p{patient:02d}', site='here', level=level, label=label, age='90+'))
    rows.append(dict(rows[-1], file='regions/left-out.png', label='indeterminate'))
    with open(os.path.join(folder, 'labels.csv'), 'w', newline='') as f:
        writer = csv.DictWriter(f, rows[0].keys(), lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)
    write_sums(folder)
    return rows


def write_sums(folder) -> None:
    files = sorted(os.path.relpath(os.path.join(where, name), folder) for where, _, names in os.walk(folder) for name in names if name != 'SHA256SUMS')
    with open(os.path.join(folder, 'SHA256SUMS'), 'w') as out:
        for file in files:
            with open(os.path.join(folder, file), 'rb') as f:
                out.write(f'{hashlib.sha256(f.read()).hexdigest()}  {file}\n')


class Reading(unittest.TestCase):
    def setUp(self) -> None:
        kept = tempfile.TemporaryDirectory()
        self.addCleanup(kept.cleanup)
        self.folder = os.path.join(kept.name, 'export')
        write_export(self.folder)

    def edit(self, old, new, sums=True):
        """Changes the table; returns what it was."""
        path = os.path.join(self.folder, 'labels.csv')
        with open(path) as f:
            text = f.read()
        self.assertIn(old, text)
        self.write(text.replace(old, new, 1), sums)
        return text

    def write(self, text, sums=True) -> None:
        with open(os.path.join(self.folder, 'labels.csv'), 'w') as f:
            f.write(text)
        if sums:
            write_sums(self.folder)

    def test_regions_come_with_their_own_label_and_patient(self) -> None:
        regions = read_dataset(self.folder)
        self.assertEqual((regions.pictures.shape, regions.pictures.dtype), ((50, 224, 224), np.uint8))
        self.assertEqual(int(regions.labels.sum()), 4)
        for picture, label, patient, row in zip(regions.pictures, regions.labels, regions.patients, regions.about):
            self.assertEqual(picture.mean() < 120, bool(label))
            self.assertEqual(patient, row['patient'])
            with Image.open(os.path.join(self.folder, row['file'])) as image:
                np.testing.assert_array_equal(picture, np.array(image))
        self.assertNotIn('indeterminate', [row['label'] for row in regions.about])

    def test_a_picture_or_a_label_changed_after_the_export_is_found_out(self) -> None:
        self.edit('calcified', 'not-calcified', sums=False)
        with self.assertRaisesRegex(DatasetError, 'labels.csv is not what was exported'):
            read_dataset(self.folder)
        write_sums(self.folder)
        path = os.path.join(self.folder, 'regions/c03-L4-L5.png')
        Image.fromarray(np.zeros((224, 224), np.uint8)).save(path)
        with self.assertRaisesRegex(DatasetError, 'c03-L4-L5.png is not what was exported'):
            read_dataset(self.folder)
        os.remove(path)
        with self.assertRaisesRegex(DatasetError, 'c03-L4-L5.png of .* is not there'):
            read_dataset(self.folder)

    def test_bad_lines_are_named(self) -> None:
        for old, new, message in (('p03,here,L2-L3', 'p03,here,L6-S1', "line 18: level 'L6-S1'"), (',p03,', ',,', 'line 17: no patient'),
                                  ('regions/c00-L1-L2.png', '../secret.png', "line 2: '../secret.png' does not lie"),
                                  ('not-calcified,90+', 'maybe,90+', "label 'maybe'"), ('regions/c00-L2-L3.png', 'regions/c00-L1-L2.png', 'twice'),
                                  ('file,patient', 'file,person', 'no column patient'), ('p05,here', 'p05', 'other columns than the header')):
            with self.subTest(message):
                text = self.edit(old, new)
                with self.assertRaisesRegex(DatasetError, message):
                    read_dataset(self.folder)
                self.write(text)

    def test_a_picture_that_no_network_was_made_for_is_refused(self) -> None:
        path = os.path.join(self.folder, 'regions/c00-L1-L2.png')
        for image in (Image.new('L', (128, 128)), Image.new('RGB', (224, 224)), Image.new('I;16', (224, 224))):
            image.save(path)
            write_sums(self.folder)
            with self.assertRaisesRegex(DatasetError, 'no 224 by 224 8-bit grey PNG'):
                read_dataset(self.folder)

    def test_a_set_with_one_label_only_cannot_train(self) -> None:
        for _ in range(4):
            self.edit(',calcified', ',0')
        with self.assertRaisesRegex(DatasetError, 'both labels'):
            read_dataset(self.folder)


class Splitting(unittest.TestCase):
    def test_8_to_2_by_patient_both_sides_with_both_labels_and_the_same_again(self) -> None:
        with tempfile.TemporaryDirectory() as kept:
            folder = os.path.join(kept, 'export')
            write_export(folder, patients=40, calcified=20)
            regions = read_dataset(folder)
        for seed in range(30):
            training, validation = split_by_patient(regions, seed)
            self.assertEqual((len(training), len(validation)), (32, 8))
            self.assertFalse(set(training) & set(validation))
            self.assertEqual(set(training) | set(validation), set(regions.patients))
            shown, checked = regions.of(training), regions.of(validation)
            self.assertEqual(len(shown.labels) + len(checked.labels), len(regions.labels))
            self.assertEqual(set(shown.patients), set(training))
            self.assertEqual((int(shown.labels.sum()), int(checked.labels.sum())), (16, 4))
            self.assertEqual(split_by_patient(regions, seed), (training, validation))
        self.assertNotEqual(split_by_patient(regions, 1), split_by_patient(regions, 2))

    def test_one_patient_with_calcification_is_too_few(self) -> None:
        with tempfile.TemporaryDirectory() as kept:
            folder = os.path.join(kept, 'export')
            write_export(folder, patients=6, calcified=1)
            with self.assertRaisesRegex(DatasetError, 'too few patients to split: the validation side'):
                split_by_patient(read_dataset(folder))


@unittest.skipIf(MISSING, f'not installed: {", ".join(MISSING)}')
class Training(unittest.TestCase):
    def test_a_network_trains_from_an_export_goes_on_after_an_interruption_and_learns(self) -> None:
        with tempfile.TemporaryDirectory() as kept:
            folder, out = os.path.join(kept, 'export'), os.path.join(kept, 'run')
            write_export(folder, patients=12, calcified=6)
            common = ['--network', 'resnet34', '--dataset', folder, '--out', out, '--weights', 'none', '--batch', '5', '--size', '128', '--threads', '1', '--no-bf16']
            self.train(*common, '--epochs', '1')
            self.train(*common, '--epochs', '2', '--resume')
            with open(os.path.join(out, 'history.json'), encoding='utf-8') as f:
                run = json.load(f)
            self.assertEqual([e['epoch'] for e in run['epochs']], [1, 2])
            self.assertEqual((run['arguments']['guide'], run['arguments']['focus_epochs']), (0, 0))
            self.assertFalse(set(run['split']['training']) & set(run['split']['validation']))
            self.assertNotIn(kept, json.dumps(run))
            self.assertTrue(os.path.exists(os.path.join(out, 'best.pt')))
            self.card_says_what_it_rests_on(kept, folder, out, run)

    def card_says_what_it_rests_on(self, kept, folder, out, run) -> None:
        model = os.path.join(kept, 'model')
        make = ['--run', out, '--dataset', folder, '--out', model, '--version', '7']
        self.assertIn('cannot read', self.python('classifier.dataset_card', *make, fails=True), 'a folder that says nothing of its labels gets no card')
        with open(os.path.join(folder, 'dataset.json'), 'w', encoding='utf-8') as f:
            json.dump(MANIFEST, f)
        self.python('classifier.dataset_card', *make)
        with open(os.path.join(model, 'card.json'), encoding='utf-8') as f:
            card = json.load(f)
        self.assertEqual((card['name'], card['version'], card['simulated']), ('resnet34', '7', False))
        data = card['trainingData']
        self.assertEqual((data['patients'], data['validation']), (run['split']['training'], run['split']['validation']))
        self.assertIn('120.1-383.7 HU', data['labels'])
        self.assertEqual(card['metrics']['validation']['regions'], 5 * len(data['validation']))
        self.assertNotIn(kept, json.dumps(card))
        with open(os.path.join(model, 'model.onnx'), 'rb') as f:
            self.assertEqual(card['sha256'], hashlib.sha256(f.read()).hexdigest())
        other = os.path.join(kept, 'other')
        write_export(other, patients=13, calcified=6)
        with open(os.path.join(other, 'dataset.json'), 'w', encoding='utf-8') as f:
            json.dump(MANIFEST, f)
        self.assertIn('its patients are others', self.python('classifier.dataset_card', '--run', out, '--dataset', other, '--out', model, '--version', '7', fails=True))

    def train(self, *arguments) -> None:
        self.python('classifier.train_classifier', *arguments)

    def python(self, module, *arguments, fails=False):
        done = subprocess.run([sys.executable, '-m', f'calcidisc_training.{module}', *arguments], cwd=ROOT, capture_output=True, text=True)
        self.assertEqual(done.returncode != 0, fails, done.stderr[-2000:])
        return done.stderr


if __name__ == '__main__':
    unittest.main()
