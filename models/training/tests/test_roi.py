"""python3 -m unittest discover -s tests -p 'test_roi.py'   (numpy only)"""
import json
import os
import sys
import unittest

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..'))
from calcidisc_training.sets import roi, roi_fixture  # noqa: E402

FIXTURE = os.path.join(os.path.dirname(__file__), '../../../test/fixtures/roi-parity.json')


class Region(unittest.TestCase):
    def test_the_committed_fixture_is_what_the_code_gives(self) -> None:
        with open(FIXTURE, encoding='utf-8') as f:
            self.assertEqual(json.load(f), json.loads(json.dumps(roi_fixture.fixture())))

    def test_half_pixel_centres_keep_a_picture_of_its_own_size_unchanged(self) -> None:
        picture = np.random.default_rng(1).uniform(0, 100, (224, 224)).astype(np.float32)
        same = roi.resample(picture, [-0.5, -0.5, 223.5, 223.5])
        np.testing.assert_array_equal(same, picture.astype(np.float64))

    def test_the_nearest_edge_pixel_fills_what_lies_outside(self) -> None:
        picture = np.arange(12, dtype=np.float32).reshape(3, 4)
        outside = roi.resample(picture, [10, 10, 20, 20])
        self.assertTrue((outside == 11).all())

    def test_shrinking_averages_whole_blocks_and_does_not_shift(self) -> None:
        row, col = np.indices((900, 900)).astype(np.float32)
        got = roi.resample(row * 2 + col, [0, 0, 896, 896])
        k = np.arange(224)
        expected = ((k + 0.5) * 4)[:, None] * 2 + ((k + 0.5) * 4)[None, :]
        np.testing.assert_allclose(got, expected, atol=1e-3)

    def test_rounds_half_up_as_the_typescript_side(self) -> None:
        np.testing.assert_array_equal(roi.to_grey(np.array([-3.0, 0.5, 1.5, 2.49, 300]), 0, 255), [0, 1, 2, 2, 255])

    def test_percentiles_are_linear_between_ranks(self) -> None:
        values = np.sort(np.random.default_rng(2).normal(size=977))
        for share in (1, 2, 50, 98, 99.5):
            self.assertAlmostEqual(roi.percentile_of_sorted(values, share), np.percentile(values, share), 12)

    def test_reaches_the_margin_beyond_the_disc_in_each_spacing(self) -> None:
        self.assertEqual(roi.region_of([10, 20, 30, 40], (0.5, 2), 10), [5, 0, 35, 60])

    def test_an_empty_mask_is_refused(self) -> None:
        with self.assertRaises(ValueError):
            roi.extent_of(np.zeros((4, 4), bool))


if __name__ == '__main__':
    unittest.main()
