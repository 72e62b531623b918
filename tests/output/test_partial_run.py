"""The record of a run that may be cut off grows with it; keeping it may not."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from extractor.backends.storage.folder import FolderObjectStore
from extractor.domain.frames import StoredFrame
from extractor.domain.jobs import SourceVideo
from extractor.domain.layout import FrameKeys
from extractor.domain.policy import SamplingPolicy
from extractor.output.frame_store import FrameStore
from extractor.output.partial_run import PartialRun


@pytest.mark.parametrize(
    ("seconds_for_each_frame", "most"), [(0.0, 100), (0.001, 60)], ids=["quick", "slow to write"]
)
def test_keeping_the_record_takes_a_small_share_of_a_long_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds_for_each_frame: float, most: int
) -> None:
    clock = 0.0
    written: list[float] = []

    def write(_: PartialRun, frames: Sequence[StoredFrame]) -> None:
        nonlocal clock
        written.append(seconds_for_each_frame * len(frames))
        clock += written[-1]

    monkeypatch.setattr("extractor.output.partial_run.time", SimpleNamespace(monotonic=lambda: clock))
    monkeypatch.setattr(PartialRun, "write", write)
    store, frame_keys = FolderObjectStore(tmp_path), FrameKeys("abc/", "{index:06d}.jpg")
    source = SourceVideo("videos", "abc.mp4", "etag", 1)
    frame_store = FrameStore(store, frame_keys, "jpg")
    with PartialRun(store, frame_keys, source, SamplingPolicy()).saving(frame_store, ()) as progress:
        for second in range(3_000):
            clock += 1
            for index in range(20 * second, 20 * second + 20):
                frame_store.stored.append(StoredFrame(index, index, "", 0.0, 1, "", 1, 1))
            progress(0, 0)
    assert 10 < len(written) <= most
    assert sum(written) <= 3_000 / 10
