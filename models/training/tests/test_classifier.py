"""python3 -m unittest discover -s tests -p 'test_classifier.py'   (needs torch, onnx, and onnxruntime of Python or Node: skips without)"""
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..'))
sys.path.insert(0, os.path.dirname(__file__))
from drawn import write_drawn_patients

from calcidisc_training.common.runtime import has_node_runtime, has_python_runtime

MISSING = [name for name in ('torch', 'onnx') if importlib.util.find_spec(name) is None]
if not (has_python_runtime() or has_node_runtime()):
    MISSING.append('onnxruntime, or Node.js with `npm ci` done')
MODELS = os.path.join(os.path.dirname(__file__), '../..')


@unittest.skipIf(MISSING, f'not installed: {", ".join(MISSING)}')
class Networks(unittest.TestCase):
    def test_every_network_exports_with_any_batch_and_the_probabilities_of_pytorch(self) -> None:
        import torch

        from calcidisc_training.classifier.classifier_card import TOLERANCE, export_classifier
        from calcidisc_training.classifier.classifier_net import NETWORKS, Classifier
        from calcidisc_training.common.runtime import open_session
        for name in NETWORKS:
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                torch.manual_seed(3)
                path = os.path.join(folder, 'model.onnx')
                self.assertLessEqual(export_classifier(Classifier(name), path), TOLERANCE)
                session = open_session(path)
                for count in (1, 3):
                    probability, cam = session.run(['probability', 'cam'], {'image': np.zeros((count, 3, 224, 224), np.float32)})
                    self.assertEqual((probability.shape, cam.shape), ((count, 1), (count, 1, 7, 7)))
                    np.testing.assert_allclose(1 / (1 + np.exp(-cam.mean((2, 3)))), probability, atol=1e-5)

    def test_the_map_is_grad_cam_of_the_last_features(self) -> None:
        import torch

        from calcidisc_training.classifier.classifier_net import Classifier
        torch.manual_seed(4)
        model = Classifier('resnet34').eval()
        features = model.net.forward_features(torch.rand(1, 3, 224, 224)).detach().requires_grad_(True)
        linear = model.net.get_classifier()
        logit = linear(features.mean((2, 3)))
        weight = torch.autograd.grad(logit.sum(), features)[0].sum((2, 3), keepdim=True)
        grad_cam = (weight * features).sum(1)
        cam = torch.nn.functional.conv2d(features, linear.weight[:, :, None, None], linear.bias)[:, 0]
        torch.testing.assert_close(grad_cam, cam - linear.bias, atol=1e-5, rtol=1e-4)

    def test_weights_of_another_network_are_refused(self) -> None:
        import torch

        from calcidisc_training.classifier.classifier_net import create
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'w.pt')
            torch.save(create('mobilevit_s').state_dict(), path)
            with self.assertRaisesRegex(ValueError, 'fits'):
                create('resnet34', path)
            self.assertIsNotNone(create('mobilevit_s', path))

    def test_a_window_about_the_posterior_edge_keeps_pictures_and_maps_together(self) -> None:
        from calcidisc_training.classifier.train_classifier import focus
        picture = np.kron(np.arange(49).reshape(7, 7), np.ones((32, 32))).astype(np.uint8)
        cells = np.arange(49, dtype=np.float32).reshape(7, 7)
        for posterior in ([180.0, 112.0], [223.0, 0.0], [100.0, 223.0]):
            pictures, maps = focus(picture[None], cells[None], np.array([posterior]))
            np.testing.assert_array_equal(pictures[0, 16::32, 16::32], maps[0])


@unittest.skipIf(MISSING, f'not installed: {", ".join(MISSING)}')
class Training(unittest.TestCase):
    def test_an_interrupted_run_goes_on_where_it_stopped_and_becomes_a_model_with_a_card(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            data, out, model = (os.path.join(folder, name) for name in ('data', 'run', 'model'))
            write_drawn_patients(data, (1, 2, 3, 4, 5, 57, 81, 107, 141, 234))
            common = ['--network', 'mobilevit_s', '--data', data, '--out', out, '--weights', 'none', '--regions', '8', '--validation-regions', '4',
                      '--batch', '4', '--size', '128', '--focus-epochs', '1', '--workers', '1', '--cache', os.path.join(folder, 'cache'), '--average', '0.9', '--clip', '2']
            self.train(*common, '--epochs', '1')
            self.train(*common, '--epochs', '3', '--resume')
            with open(os.path.join(out, 'history.json'), encoding='utf-8') as f:
                self.assertEqual([e['epoch'] for e in json.load(f)['epochs']], [1, 2, 3])
            import torch
            kept = torch.load(os.path.join(out, 'last.pt'), map_location='cpu')
            # The average goes on too: as many steps as an unbroken run, and not the last step's weights.
            self.assertGreaterEqual(kept['steps'], 5)
            weight = 'net.head.fc.weight'
            self.assertFalse(torch.equal(kept['average'][weight], kept['model'][weight]))
            best = torch.load(os.path.join(out, 'best.pt'), map_location='cpu')
            self.assertFalse(best['epoch'] == 3 and not torch.equal(best['model'][weight], kept['average'][weight]))
            self.python('calcidisc_training.classifier.classifier_card', '--run', out, '--data', data, '--out', model, '--version', '9', '--regions', '10', '--workers', '1')
            with open(os.path.join(model, 'card.json'), encoding='utf-8') as f:
                card = json.load(f)
            self.assertEqual((card['name'], card['version'], card['metrics']['external']['regions']), ('mobilevit_s', '9', 10))
            self.assertNotIn(folder, json.dumps(card))

    def train(self, *arguments) -> None:
        self.python('calcidisc_training.classifier.train_classifier', *arguments)

    def python(self, module, *arguments) -> None:
        root = os.path.join(os.path.dirname(__file__), '..')
        done = subprocess.run([sys.executable, '-m', module, *arguments], cwd=root, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])


@unittest.skipIf(MISSING, f'not installed: {", ".join(MISSING)}')
class Committed(unittest.TestCase):
    def test_cards_name_the_file_beside_them_and_say_that_calcification_is_simulated(self) -> None:
        from calcidisc_training.classifier.classifier_net import NETWORKS
        from calcidisc_training.common.export import sha256_of
        from calcidisc_training.spine.spider import HELD_OUT
        for name in NETWORKS:
            folder = os.path.join(MODELS, name)
            for version in os.listdir(folder) if os.path.isdir(folder) else []:
                with self.subTest(f'{name} {version}'):
                    with open(os.path.join(folder, version, 'card.json'), encoding='utf-8') as f:
                        card = json.load(f)
                    self.assertEqual(card['sha256'], sha256_of(os.path.join(folder, version, 'model.onnx')))
                    data = card['trainingData']
                    self.assertTrue(data['simulated'] and card['simulated'])
                    seen = {str(patient).removeprefix('SPIDER') for patient in data['patients'] + data.get('validation', [])}
                    self.assertTrue(seen and not {str(patient) for patient in HELD_OUT} & seen)
                    self.assertTrue(0 < card['threshold'] < 1)


if __name__ == '__main__':
    unittest.main()
