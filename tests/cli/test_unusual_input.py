"""What looks odd and is allowed works."""

import os
import unittest

import numpy as np
from small_run import ProgramTest, epoch_folder, write_run


class UnusualInput(ProgramTest):
    def fits(self, **options):
        write_run(self.run_folder, **options)
        self.assert_works("--quiet", "check", self.run_folder)
        self.assert_works("--quiet", "fit", self.run_folder)
        positions = np.load(f"{self.run_folder}/views/default/epochs/000001/positions.npy")
        self.assertTrue(np.isfinite(positions).all())
        return positions

    def test_duplicates(self):
        write_run(self.run_folder)
        for epoch in 1, 2:
            path = f"{epoch_folder(self.run_folder, epoch)}/features.npy"
            values = np.load(path)
            values[:40] = values[0]
            np.save(path, values)
        self.assert_works("--quiet", "fit", self.run_folder)
        positions = np.load(f"{self.run_folder}/views/default/epochs/000002/positions.npy")
        self.assertTrue(np.isfinite(positions).all())
        self.assertLess(np.ptp(positions[:40], axis=0).max(), 0.2 * np.ptp(positions, axis=0).min())

    def test_two_features(self):
        self.assertEqual(self.fits(features=2).shape, (150, 2))

    def test_4096_features(self):
        self.assertEqual(self.fits(features=4096).shape, (150, 2))

    def test_epoch_gap(self):
        self.fits(epochs=(1, 2, 4))
        checked = self.assert_works("check", self.run_folder)
        self.assertIn("gap", checked.stdout + checked.stderr)
        self.assertTrue(os.path.exists(f"{self.run_folder}/views/default/epochs/000004/view_epoch.json"))

    def test_epoch_still_being_written(self):
        write_run(self.run_folder)
        os.remove(f"{epoch_folder(self.run_folder, 2)}/epoch.json")
        os.truncate(f"{epoch_folder(self.run_folder, 2)}/features.npy", 100)
        self.assert_works("--quiet", "fit", self.run_folder)
        self.assertEqual(os.listdir(f"{self.run_folder}/views/default/epochs"), ["000001"])


if __name__ == "__main__":
    unittest.main()
