"""python3 -m unittest discover -s tests -p 'test_simulate.py'   (numpy only, drawn anatomy)"""
import functools
import os
import sys
import unittest

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..'))
sys.path.insert(0, os.path.dirname(__file__))
from drawn import drawn_anatomy  # noqa: E402

from calcidisc_training.classifier import classifier_metrics as metrics  # noqa: E402
from calcidisc_training.sets.classifier_data import has_canal_behind, split_patients  # noqa: E402
from calcidisc_training.sets.simulate import disc_frame, scene_of, simulate_region  # noqa: E402
from calcidisc_training.sets.simulate_params import SIMULATION  # noqa: E402
from calcidisc_training.sets.simulate_site import truncate_k_space  # noqa: E402


@functools.lru_cache(None)
def regions(label, count, site='internal', jitter=True):
    anatomy = drawn_anatomy()
    return [simulate_region(anatomy, label, np.random.default_rng([9, i]), site, jitter) for i in range(count)]


class Simulation(unittest.TestCase):
    def test_the_same_seed_gives_the_same_bytes(self) -> None:
        for site in ('training', 'internal', 'external'):
            first, second = regions(1, 3, site), regions.__wrapped__(1, 3, site)
            for a, b in zip(first, second):
                self.assertEqual(a.picture.tobytes(), b.picture.tobytes())
                self.assertEqual(a.about, b.about)

    def test_seeds_differ(self) -> None:
        a, b = regions(1, 2)
        self.assertNotEqual(a.picture.tobytes(), b.picture.tobytes())

    def test_a_region_is_224_grey_levels_with_a_lesion_map_only_where_it_is_calcified(self) -> None:
        for label in (0, 1):
            for region in regions(label, 6):
                self.assertEqual((region.picture.shape, region.picture.dtype, region.cells.shape), ((224, 224), np.uint8, (7, 7)))
                self.assertEqual(bool(region.cells.any()), bool(label))

    def test_lesions_lie_at_the_posterior_edge(self) -> None:
        for region in regions(1, 20):
            row, col = np.unravel_index(region.cells.argmax(), (7, 7))
            self.assertGreaterEqual(col, 3, region.about)
            self.assertLess(abs(row * 32 + 16 - region.about['posterior'][1]), 90, region.about)

    def test_calcification_darkens_and_nothing_else_differs_before_it_is_drawn(self) -> None:
        with_it, without = regions(1, 30), regions(0, 30)
        darker = 0
        for a, b in zip(with_it, without):
            self.assertEqual((a.about['herniationMm'], a.about['confounders']), (b.about['herniationMm'], b.about['confounders']))
            at = np.kron(a.cells == a.cells.max(), np.ones((32, 32), bool))
            darker += a.picture[at].mean() < b.picture[at].mean()
        self.assertGreater(darker, 24)

    def test_bulges_and_dark_look_alikes_are_as_frequent_without_calcification(self) -> None:
        with_it, without = ([(r.about['herniationMm'] > 0, len(r.about['confounders'])) for r in regions(label, 60)] for label in (0, 1))
        self.assertEqual(with_it, without)

    def test_sizes_reach_down_to_hardly_visible_and_up_to_plain(self) -> None:
        seen = [r.about['visibility'] for r in regions(1, 80)]
        self.assertLess(min(seen), 8)
        self.assertGreater(max(seen), 40)

    def test_the_external_site_samples_more_coarsely(self) -> None:
        noise = np.random.default_rng(3).normal(100, 10, (64, 64))
        kept = np.abs(np.fft.fft2(truncate_k_space(noise, 0.5)))
        self.assertLess(kept[20:44, 20:44].max(), 1e-6)

    def test_the_frame_points_behind_and_down_whatever_the_tilt(self) -> None:
        row, col = np.indices((200, 200))
        for degrees in (-35, -10, 0, 20, 40):
            a = np.radians(degrees)
            along, across = (col - 100) * np.cos(a) + (row - 100) * np.sin(a), (row - 100) * np.cos(a) - (col - 100) * np.sin(a)
            point, behind, down, length, height = disc_frame((np.abs(along) < 40) & (np.abs(across) < 9), 0.5)
            np.testing.assert_allclose(behind, [np.sin(a), np.cos(a)], atol=0.02)
            np.testing.assert_allclose(down, [np.cos(a), -np.sin(a)], atol=0.02)
            self.assertAlmostEqual(length, 37, delta=2)
            self.assertAlmostEqual(height, 8.5, delta=1.5)

    def test_the_scene_measures_signals_and_canal(self) -> None:
        anatomy = drawn_anatomy()
        scene = scene_of(anatomy, (60, 180, 50, 210))
        self.assertAlmostEqual(scene.bone_signal, 90, delta=3)
        self.assertAlmostEqual(scene.canal_mm, 15.5, delta=2)
        self.assertTrue(has_canal_behind(anatomy))
        anatomy.mask[anatomy.mask == 150] = 0
        self.assertFalse(has_canal_behind(anatomy))

    def test_kinds_add_up_to_one(self) -> None:
        self.assertAlmostEqual(sum(SIMULATION['calcification']['kinds'].values()), 1)


class Split(unittest.TestCase):
    def test_no_patient_is_on_two_sides(self) -> None:
        patients = list(range(29))
        training, validation = split_patients(patients, (3, 5, 7))
        self.assertEqual(sorted(training + validation), sorted(set(patients) - {3, 5, 7}))
        self.assertFalse(set(training) & set(validation))
        self.assertEqual(len(validation), 5)


class Metrics(unittest.TestCase):
    def test_auc_counts_ties_half(self) -> None:
        self.assertEqual(metrics.auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 0.75)
        self.assertEqual(metrics.auc([0, 1], [0.5, 0.5]), 0.5)

    def test_youden_separates_what_can_be_separated(self) -> None:
        self.assertEqual(metrics.youden_threshold([0, 0, 1, 1], [0.1, 0.2, 0.6, 0.9]), 0.4)

    def test_bootstrap_covers_the_value_and_keeps_groups_whole(self) -> None:
        rng = np.random.default_rng(1)
        labels = np.tile([0, 1], 100)
        scores = labels * 0.8 + rng.normal(size=200)
        low, high = metrics.bootstrap_auc(labels, scores, np.repeat(np.arange(20), 10), rounds=300)
        self.assertTrue(low < metrics.auc(labels, scores) < high)


if __name__ == '__main__':
    unittest.main()
