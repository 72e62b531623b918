"""The record of a run that may be cut off grows with it; keeping it may not."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from extractor.backends.storage.folder import FolderObjectStore
from extractor.domain.layout import Naming
from extractor.domain.models import SourceVideo, StoredFrame
from extractor.domain.policy import SamplingPolicy
from extractor.output.frame_store import Shelf
from extractor.output.partial_run import Interim


@pytest.mark.parametrize(
    ("seconds_for_each_frame", "most"), [(0.0, 100), (0.001, 60)], ids=["quick", "slow to write"]
)
def test_keeping_the_record_takes_a_small_share_of_a_long_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds_for_each_frame: float, most: int
) -> None:
    clock = 0.0
    written: list[float] = []

    def write(_: Interim, frames: Sequence[StoredFrame]) -> None:
        nonlocal clock
        written.append(seconds_for_each_frame * len(frames))
        clock += written[-1]

    monkeypatch.setattr("extractor.output.partial_run.time", SimpleNamespace(monotonic=lambda: clock))
    monkeypatch.setattr(Interim, "write", write)
    store, naming = FolderObjectStore(tmp_path), Naming("abc/", "{index:06d}.jpg")
    source = SourceVideo("videos", "abc.mp4", "etag", 1)
    shelf = Shelf(store, naming, "jpg")
    with Interim(store, naming, source, SamplingPolicy()).kept_for(shelf, ()) as progress:
        for second in range(3_000):
            clock += 1
            for index in range(20 * second, 20 * second + 20):
                shelf.stored.append(StoredFrame(index, index, "", 0.0, 1, "", 1, 1))
            progress(0, 0)
    assert 10 < len(written) <= most
    assert sum(written) <= 3_000 / 10
