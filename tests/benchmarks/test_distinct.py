"""Options that keep fewer frames are measured by the frames that are near a kept one."""

import numpy as np

from benchmarks.distinct import Score, gaps_of


def test_a_frame_counts_as_recalled_if_the_nearest_kept_one_is_near() -> None:
    angles = np.array([0.0, 0.3, 1.0])  # 1 - cos(0.3) = 0.045
    every = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    score = Score(kept=1, gaps=[gaps_of(every, every[:1])])
    assert list(score.cells(3)) == ["67%", "66.7%", "0.460"]
