"""The frames that differ most are kept; the others are in the manifest, with the one that stands for each."""

import time
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from extractor import extract_frames, iter_frames
from extractor.backends.storage.folder import FolderObjectStore
from extractor.domain.frames import Frame
from extractor.domain.jobs import SourceVideo
from extractor.domain.manifest import Manifest, parse_manifest
from extractor.domain.policy import SamplingPolicy
from extractor.domain.timing import Stopwatch
from extractor.errors import UnreadableError
from extractor.media.decode.survey import FrameChoice
from extractor.media.dedup import hamming
from extractor.media.distinct import farthest_first
from extractor.output.frame_store import FrameStore
from extractor.pipeline.extract import ExtractionTask, extract
from extractor.pipeline.local import _frame_keys, local_config
from tests.support.media import clips

_SHOTS = "ABACB"
"""The pictures of the clips, one for each second."""
_CLOUDS = "format=gray,noise=alls=100:all_seed={},gblur=sigma=5,lutyuv=y='clip((val-126)*8+128,0,255)'"


@pytest.fixture(scope="module", params=["mp4", "avi"])
def clip(request: pytest.FixtureRequest, clip_dir: Path) -> Path:
    """Five shots at a variable frame rate; or without timestamps, which AVI does not store."""
    graph = "".join(
        f"color=gray:s=96x64:d=1:r=25,{_CLOUDS.format(ord(shot))}[{number}];"
        for number, shot in enumerate(_SHOTS)
    )
    graph += "".join(f"[{number}]" for number in range(len(_SHOTS))) + f"concat=n={len(_SHOTS)}"
    dropped = "" if request.param == "avi" else ",select=not(between(mod(n\\,25)\\,4\\,9))"
    encoded = "-c:v libx264 -bf 2 -g 12 -fps_mode passthrough" + (
        " -vtag H264" if request.param == "avi" else ""
    )
    path = clip_dir / f"shots.{request.param}"
    clips.ffmpeg(f"-filter_complex {graph}{dropped} {encoded} {{0}}", path)
    return path


def _shots(manifest: Manifest) -> str:
    return "".join(_SHOTS[int(frame.pts_seconds)] for frame in manifest.frames)


def _shown(clip: Path) -> set[float]:
    """Return the times of all frames, by PyAV; AVI stores none, but its frame rate."""
    with av.open(str(clip)) as container:
        frames = list(container.decode(video=0))
        if clip.suffix == ".avi":
            return {number / 25 for number in range(len(frames))}
        return {round(float((frame.pts - frames[0].pts) * frame.time_base), 6) for frame in frames}


@pytest.mark.parametrize(
    "options",
    [
        {"frame_interval": 0.2},
        {"frame_interval": 0.2, "scene_detector": "content"},
        {"strategy": "keyframe"},
        {"every_n_frames": 3, "max_frames": 40},
    ],
    ids=["uniform", "scenes listed", "keyframe", "every_n_frames"],
)
def test_each_picture_is_kept_once_and_stands_for_its_like(
    clip: Path, tmp_path: Path, options: Mapping[str, Any]
) -> None:
    every = extract_frames(clip, tmp_path / "all", measures=True, **options).manifest
    found = extract_frames(clip, tmp_path / "distinct", distinct_distance=8, **options).manifest
    assert _shots(found) == "ABC"
    assert [frame.index for frame in found.frames] == [0, 1, 2]
    whole = {(frame.slot, frame.pts_seconds): frame for frame in every.frames}
    for frame in found.frames:
        assert whole[frame.slot, frame.pts_seconds].sha256 == frame.sha256
    rest = [(frame.slot, frame.pts_seconds) for frame in found.left_out]
    assert sorted(rest + [(frame.slot, frame.pts_seconds) for frame in found.frames]) == list(whole)
    assert {round(seconds, 6) for _, seconds in rest} <= _shown(clip)
    for other in found.left_out:
        kept = found.frames[other.same_as]
        assert _SHOTS[int(kept.pts_seconds)] == _SHOTS[int(other.pts_seconds)]
        measured = [whole[other.slot, other.pts_seconds].measures, kept.measures]
        assert other.distance == hamming(*(one.perceptual_hash for one in measured if one)) <= 8
    assert found.scenes == every.scenes
    assert len(list((tmp_path / "distinct").glob("*.jpg"))) == 3
    assert parse_manifest((tmp_path / "distinct" / "manifest.json").read_bytes()) == found


def test_a_number_of_frames_takes_the_most_different_ones(clip: Path, tmp_path: Path) -> None:
    manifest = extract_frames(clip, tmp_path, frame_interval=0.2, distinct=2, start=1.0).manifest
    assert len(manifest.frames) == 2
    first, second = (frame.measures.perceptual_hash for frame in manifest.frames if frame.measures)
    assert hamming(first, second) == max(
        hamming(one.measures.perceptual_hash, first)
        for one in iter_frames(clip, frame_interval=0.2, start=1.0, measures=True)
        if one.measures
    )


def test_iterated_frames_are_the_same(clip: Path, tmp_path: Path) -> None:
    options = {"frame_interval": 0.2, "distinct_distance": 8, "skip_blank": True}
    stored = extract_frames(clip, tmp_path, **options).manifest.frames  # type: ignore[arg-type]
    found = [(frame.index, frame.slot, frame.pts_seconds) for frame in iter_frames(clip, **options)]  # type: ignore[arg-type]
    assert found == [(frame.index, frame.slot, frame.pts_seconds) for frame in stored]


def test_frames_of_another_size_midway_are_compared_as_well(clip_dir: Path, tmp_path: Path) -> None:
    """The first decode must begin again, with other filters."""
    changing = clips.changing_size(clip_dir / "distinct-changing.mp4")
    every = extract_frames(changing, tmp_path / "all", frame_interval=0.5).manifest
    manifest = extract_frames(changing, tmp_path / "some", frame_interval=0.5, distinct=3).manifest
    images = {frame.pts_seconds: frame.sha256 for frame in every.frames}
    assert len(manifest.frames) == 3
    assert all(images[frame.pts_seconds] == frame.sha256 for frame in manifest.frames)


def test_frames_of_one_run_are_taken_over_by_the_next(clip_dir: Path, clip: Path, tmp_path: Path) -> None:
    policy = SamplingPolicy(interval_seconds=0.2, distinct=3, skip_similar=0)
    source = SourceVideo(None, clip.name, None, clip.stat().st_size)

    def run(folder: Path, **stored: Any) -> Manifest:
        folder.mkdir()
        store = FrameStore(FolderObjectStore(folder), _frame_keys(policy), "jpg")
        task = ExtractionTask(clip, "a", None, source, policy, time.monotonic() + 60, **stored)
        return extract(task, store, local_config(), Stopwatch())

    first = run(tmp_path / "first")
    made = [replace(frame, etag="an earlier run") for frame in first.frames[:2]]
    second = run(tmp_path / "second", stored=made)
    if clip.suffix == ".mp4":
        assert list(second.frames[:2]) == made
    assert [frame.sha256 for frame in second.frames] == [frame.sha256 for frame in first.frames]
    assert second.left_out == first.left_out
    other = [replace(made[0], pts_seconds=0.5), made[1]]
    third = run(tmp_path / "third", stored=other)
    assert [replace(frame, etag=None) for frame in third.frames] == [
        replace(frame, etag=None) for frame in first.frames
    ]


def test_a_second_decode_that_lacks_a_frame_is_an_error() -> None:
    frames = [Frame(number, number, number / 2, b"", 2, 2) for number in range(4)]
    nothing: Any = None
    choice = FrameChoice(nothing, nothing, nothing, kept={1: 0.5, 3: 1.5})
    assert [frame.index for frame in choice.only_kept(frames)] == [0, 1]
    assert [frame.slot for frame in choice.only_kept(frames[2:], 1)] == [3]
    with pytest.raises(UnreadableError):
        list(choice.only_kept(frames[:3]))
    with pytest.raises(UnreadableError):
        list(choice.only_kept([*frames[:3], replace(frames[3], pts_seconds=9.0)]))


_HASHES = st.lists(st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 3, 7, 15]), min_size=1, max_size=30)


@given(_HASHES, st.integers(0, 63))
def test_kept_frames_differ_and_cover_the_others(numbers: list[int], too_near: int) -> None:
    hashes = [f"{number:016x}" for number in numbers]
    found = farthest_first(hashes, None, too_near)
    assert found.kept[0] == 0
    kept = [hashes[position] for position in found.kept]
    assert all(hamming(one, other) > too_near for one, other in combinations(kept, 2))
    for code, same_as, distance in zip(hashes, found.same_as, found.distances, strict=True):
        assert min(hamming(code, one) for one in kept) == hamming(code, kept[same_as]) == distance
        assert distance <= too_near


@given(_HASHES, st.integers(1, 10))
def test_more_kept_frames_include_the_fewer(numbers: list[int], most: int) -> None:
    hashes = [f"{number:016x}" for number in numbers]
    fewer, more = (farthest_first(hashes, count, 0).kept for count in (most, most + 1))
    assert len(fewer) <= most
    assert set(fewer) <= set(more)
    assert list(more) == sorted(more)
