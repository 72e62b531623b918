"""What the guarantee depends on: leases, claims, versions of frames, keys, deadlines, fetches."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from extractor.backends.state.base import StateRow
from extractor.backends.state.sqlite import SqliteStateStore
from extractor.domain.jobs import ExtractionJob, SourceVideo, VideoRef
from extractor.domain.layout import FrameKeys
from extractor.domain.manifest import parse_manifest
from extractor.domain.policy import SamplingPolicy
from extractor.errors import ConflictError, DeadlineError, SourceChangedError
from extractor.output import manifest_store
from extractor.output.frame_store import list_by_key
from extractor.pipeline.prefetch import Prefetcher
from extractor.pipeline.source import StreamedVideo, VideoLocator
from tests.handler.conftest import World
from tests.proof.memory import MemoryObjectStore, MemoryStream, etag_of
from tests.support.samples import a_manifest

VIDEO = SourceVideo("bucket", "abc.mp4", "etag", 4)
NAMING = FrameKeys("abc/", "{index:06d}.jpg")


@pytest.mark.parametrize("seconds", [20, 300, 900])
def test_a_claim_outlives_the_invocation(
    world: World, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    leases: list[float] = []

    def begin(_store: SqliteStateStore, subject: VideoRef, lease_seconds: float) -> StateRow:
        leases.append(lease_seconds)
        return StateRow(subject.code, is_fetched=True, is_extracted=True)

    monkeypatch.setattr(SqliteStateStore, "begin", begin)
    world.deliver({"code": "abc"}, seconds=seconds)
    assert leases[0] > seconds + 30


def test_a_claim_is_given_up_on_an_error_that_nobody_foresaw(
    world: World, plain_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_video("abc", plain_clip)
    released: list[str] = []

    def surprise(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(SqliteStateStore, "release", lambda _, subject: released.append(subject.code))
    monkeypatch.setattr("extractor.pipeline.job.extract", surprise)
    assert world.deliver({"code": "abc"}) == [0]
    assert released == ["abc"]


def test_the_manifest_has_the_version_of_each_frame_that_was_stored(world: World, plain_clip: Path) -> None:
    world.add_video("abc", plain_clip)
    for count in (1, 2):  # the second finds the frames there, and does not send them
        assert world.deliver({"code": "abc"}, receive_count=count) == []
        stored = world.s3.list_objects_v2(Bucket="oriane-frames")["Contents"]
        etags = {entry["Key"]: entry["ETag"].strip('"') for entry in stored}
        manifest = parse_manifest(world.objects()["abc/manifest.json"])
        assert manifest is not None
        assert [frame.etag for frame in manifest.frames] == [etags[frame.key] for frame in manifest.frames]
        world.s3.delete_object(Bucket="oriane-frames", Key="abc/manifest.json")
        world.add_row("abc")


def test_a_video_is_found_at_the_second_of_the_keys_where_it_may_lie(world: World, plain_clip: Path) -> None:
    world.add_video("abc", plain_clip, key="abc.mp4")
    assert world.deliver({"code": "abc", "platform": "tiktok"}) == []
    assert world.is_extracted("abc")


def test_a_download_ends_with_the_time_of_the_invocation(tmp_path: Path) -> None:
    source = StreamedVideo(VIDEO, MemoryStream(b"data"))
    with pytest.raises(DeadlineError):
        source.download(tmp_path / "late", deadline=time.monotonic() - 1)
    source.download(tmp_path / "early", deadline=time.monotonic() + 600)
    assert (tmp_path / "early").read_bytes() == b"data"


@pytest.mark.parametrize("data", [b"", b"dat", b"data and more"])
def test_an_object_of_another_size_than_was_announced_is_no_video(tmp_path: Path, data: bytes) -> None:
    """A store that ends a response early without an error would give a video that lacks its end."""
    source = StreamedVideo(VIDEO, MemoryStream(data))
    with pytest.raises(SourceChangedError):
        source.download(tmp_path / "video", deadline=time.monotonic() + 600)


class Replacing(MemoryObjectStore):
    """Another worker replaces the manifest while this one deletes."""

    def delete(self, *arguments: Any, **options: Any) -> None:
        super().delete(*arguments, **options)
        other = a_manifest("abc", VIDEO, SamplingPolicy(quality=7), frame_count=3)
        self.objects[NAMING.manifest_key] = other.to_json()


def test_a_manifest_that_is_replaced_while_stale_frames_are_deleted_is_a_conflict() -> None:
    store = Replacing()
    earlier = a_manifest("abc", VIDEO, SamplingPolicy(), frame_count=3)
    current = replace(earlier, frames=earlier.frames[:1])
    store.objects.update({frame.key: b"frame" for frame in earlier.frames})
    store.objects[NAMING.manifest_key] = current.to_json()
    prefix = earlier.frames[0].key.rpartition("/")[0] + "/"
    known = list_by_key(store, FrameKeys(prefix, NAMING.frame_template))
    with pytest.raises(ConflictError):
        manifest_store.delete_superseded_frames(
            store, NAMING, manifest_store.StoredManifest("etag", earlier), current, known
        )


def test_no_frame_is_deleted_once_another_worker_has_replaced_the_manifest() -> None:
    store = MemoryObjectStore()
    earlier = a_manifest("abc", VIDEO, SamplingPolicy(), frame_count=3)
    current = replace(earlier, frames=earlier.frames[:1])
    store.objects.update({frame.key: b"frame" for frame in earlier.frames})
    other = a_manifest("abc", VIDEO, SamplingPolicy(quality=7), frame_count=3)
    store.objects[NAMING.manifest_key] = other.to_json()
    prefix = earlier.frames[0].key.rpartition("/")[0] + "/"
    known = list_by_key(store, FrameKeys(prefix, NAMING.frame_template))
    before = dict(store.objects)
    manifest_store.delete_superseded_frames(
        store, NAMING, manifest_store.StoredManifest("etag", earlier), current, known
    )
    assert store.objects == before


def test_a_stale_frame_that_another_has_replaced_meanwhile_stays() -> None:
    store = MemoryObjectStore()
    earlier = a_manifest("abc", VIDEO, SamplingPolicy(), frame_count=3)
    current = replace(earlier, frames=earlier.frames[:1])
    store.objects.update({frame.key: b"frame" for frame in earlier.frames})
    store.objects[NAMING.manifest_key] = current.to_json()
    prefix = earlier.frames[0].key.rpartition("/")[0] + "/"
    known = list_by_key(store, FrameKeys(prefix, NAMING.frame_template))
    replaced, stale = earlier.frames[1].key, earlier.frames[2].key
    store.objects[replaced] = b"another's"
    assert etag_of(b"another's") != known[replaced].etag
    manifest_store.delete_superseded_frames(
        store, NAMING, manifest_store.StoredManifest("etag", earlier), current, known
    )
    assert replaced in store.objects
    assert stale not in store.objects


@contextmanager
def _fetching(tmp_path: Path) -> Iterator[tuple[Prefetcher, Callable[[str], ExtractionJob]]]:
    store = MemoryObjectStore({"a.mp4": b"aaaa", "b.mp4": b"bbbb"})
    sources = VideoLocator(lambda _: store, "bucket", ("{code}.mp4",), max_bytes=100)
    prefetcher = Prefetcher(sources, tmp_path / "work")
    yield prefetcher, lambda code: ExtractionJob(code, SamplingPolicy())
    prefetcher.cancel()


def test_a_fetch_is_kept_while_another_video_is_opened_and_nothing_is_left_of_it(tmp_path: Path) -> None:
    with _fetching(tmp_path) as (prefetcher, job):
        prefetcher.prefetch(job("b"), time.monotonic() + 600)
        with prefetcher.open(job("a")) as other:
            assert other.video.key == "a.mp4"
        with prefetcher.open(job("b")) as fetched:
            assert not isinstance(fetched, StreamedVideo), "it is here already"
        prefetcher.prefetch(job("b"), time.monotonic() + 600)
        prefetcher.prefetch(job("a"), time.monotonic() + 600)
        with prefetcher.open(job("a")) as beyond_the_limit:
            assert isinstance(beyond_the_limit, StreamedVideo)
    assert list((tmp_path / "work").iterdir()) == []
    assert not [thread for thread in threading.enumerate() if thread.name == "prefetch"]


def test_a_disk_that_fails_while_fetching_ahead_is_left_to_the_job_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_root: Path) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr("extractor.pipeline.download.job_directory", fail)
    with _fetching(tmp_path) as (prefetcher, job):
        prefetcher.prefetch(job("b"), time.monotonic() + 600)
        with prefetcher.open(job("b")) as opened:
            assert isinstance(opened, StreamedVideo)
            opened.download(tmp_path / "here", time.monotonic() + 600)
    assert (tmp_path / "here").read_bytes() == b"bbbb"
