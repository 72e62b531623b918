"""Frames of objects in S3 are those of the whole file, and only the bytes that they need are fetched."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from extractor import extract_frames
from extractor.__main__ import main
from extractor.backends.storage.s3.ranged_object import S3RangedObject
from extractor.domain.fetch_mode import FetchMode
from extractor.domain.policy import SamplingPolicy
from extractor.errors import SourceChangedError, VideoMissingError
from extractor.media.ffmpeg import process
from extractor.pipeline import remote_video
from extractor.pipeline.local import extract_to_folder, local_config
from extractor.pipeline.needed_bytes import FetchRules
from extractor.pipeline.partial_copy import PartialCopy
from extractor.pipeline.remote_video import S3Video
from tests.media.sample_entries import raw_with_sets_once
from tests.support.media import clips

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PICTURES = "-f lavfi -i testsrc2=size=320x180:rate=25 -t 6"
HEAD = 1 << 12
X264 = "-c:v libx264 -preset ultrafast -crf 20 -g 25"
CLIPS = {
    "front.mp4": f"-f lavfi -i sine {PICTURES} {X264} -c:a aac -movflags +faststart {{0}}",
    "end.mp4": f"{PICTURES} {X264} -preset veryfast -bf 2 {{0}}",
    "hevc.mov": f"{PICTURES} -c:v libx265 -tag:v hvc1 -preset ultrafast -x265-params "
    "log-level=error:crf=20:keyint=25:open-gop=0 {0}",
    "open.mp4": f"{PICTURES} -c:v libx265 -tag:v hvc1 -preset ultrafast -x265-params "
    "log-level=error:crf=20:keyint=25:open-gop=1:bframes=3 {0}",
    "slices.mp4": f"{PICTURES} {X264} -x264-params slices=3 {{0}}",
    "vp9.mp4": f"{PICTURES} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 25 {{0}}",
}
WHOLE = {
    "fragments.mp4": f"{PICTURES} {X264} -movflags frag_keyframe {{0}}",
    "matroska.mkv": f"{PICTURES} {X264} {{0}}",
    "hev1.mp4": f"{PICTURES} -c:v libx265 -tag:v hev1 -preset ultrafast -x265-params "
    "log-level=error:keyint=25:open-gop=0:repeat-headers=1 {0}",
}
ONE = SamplingPolicy(strategy="timestamps", timestamps_seconds=(4.3,))

Upload = Callable[[Path], tuple[str, str]]


@pytest.fixture(autouse=True)
def _small_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small clips have gaps as well."""
    monkeypatch.setattr("extractor.pipeline.remote_video.HEAD_BYTES", HEAD)
    monkeypatch.setattr("extractor.pipeline.partial_copy.HEAD_BYTES", HEAD)
    monkeypatch.setattr("extractor.pipeline.needed_bytes._MAX_GAP_BYTES", 1 << 10)


@pytest.fixture
def upload(s3_client: "S3Client", new_bucket: Callable[[], str]) -> Upload:
    def put(path: Path) -> tuple[str, str]:
        bucket = new_bucket()
        s3_client.upload_file(str(path), bucket, path.name)
        return bucket, path.name

    return put


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of bytes that arrive after the head of the object."""
    counts: list[int] = []
    chunks = S3RangedObject.chunks

    def counted(self: S3RangedObject, run: range) -> Iterator[bytes]:
        for chunk in chunks(self, run):
            counts.append(len(chunk))
            yield chunk

    monkeypatch.setattr(S3RangedObject, "chunks", counted)
    return counts


def _frames(
    video: Path | S3Video, folder: Path, policy: SamplingPolicy
) -> tuple[list[tuple[str, float]], object]:
    manifest = extract_to_folder(video, folder, policy, local_config())
    return [(frame.sha256, frame.pts_seconds) for frame in manifest.frames], manifest.video


@pytest.mark.parametrize("name", CLIPS)
def test_the_frames_are_those_of_the_whole_file_from_fewer_bytes(
    name: str, upload: Upload, received: list[int], tmp_path: Path
) -> None:
    clip = tmp_path / name
    clips.ffmpeg(CLIPS[name], clip)
    bucket, key = upload(clip)
    video = S3Video(bucket, key, "needed")
    assert _frames(video, tmp_path / "one", ONE) == _frames(clip, tmp_path / "whole", ONE)
    assert sum(received) < clip.stat().st_size / 2
    for policy in (SamplingPolicy(interval_seconds=2.1), SamplingPolicy(strategy="keyframe", max_frames=2)):
        assert _frames(video, tmp_path / "one", policy) == _frames(clip, tmp_path / "whole", policy)


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_without_usable_tables_is_fetched_as_a_whole(
    name: str, upload: Upload, received: list[int], tmp_path: Path
) -> None:
    clip = tmp_path / name
    clips.ffmpeg(WHOLE[name], clip)
    bucket, key = upload(clip)
    expected = _frames(clip, tmp_path / "whole", ONE)
    assert _frames(S3Video(bucket, key, "needed"), tmp_path / "one", ONE) == expected
    assert sum(received) + HEAD == clip.stat().st_size


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """A clip whose parameter sets come in the first keyframe, and once again, with others, at 3 s."""
    parts = [tmp_path / "0.h264", tmp_path / "1.h264"]
    for path, offset in zip(parts, (0, -12), strict=True):
        clips.ffmpeg(f"{PICTURES} -t 3 {X264} -x264-params chroma-qp-offset={offset} {{0}}", path)
    joined, path = tmp_path / "joined.h264", tmp_path / "changed.mp4"
    is_set = {7, 8}.__contains__
    joined.write_bytes(
        b"".join(raw_with_sets_once(part.read_bytes(), lambda head: is_set(head & 31)) for part in parts)
    )
    clips.ffmpeg("-r 25 -i {0} -c copy -bsf:v setts=ts=N/25/TB {1}", joined, path)
    return path


@pytest.mark.parametrize("most_keyframes", [1_024, 4])
def test_a_keyframe_in_between_that_changes_the_parameter_sets_is_fetched(
    most_keyframes: int,
    changed: Path,
    upload: Upload,
    received: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("extractor.pipeline.needed_bytes._MAX_UNREAD", most_keyframes)
    policy = SamplingPolicy(strategy="timestamps", timestamps_seconds=(5.3,))
    video = S3Video(*upload(changed), "needed")
    expected = _frames(changed, tmp_path / "whole", policy)
    assert _frames(video, tmp_path / "one", policy) == expected
    is_whole = sum(received) + HEAD == changed.stat().st_size
    assert is_whole == (most_keyframes < 5)


def test_parameter_sets_in_a_needed_packet_that_is_no_keyframe_make_the_whole_file_needed(
    upload: Upload, received: list[int], tmp_path: Path
) -> None:
    raw, path = tmp_path / "raw.h264", tmp_path / "clip.mp4"
    clips.ffmpeg(f"{PICTURES} {X264} {{0}}", raw)
    units = re.split(b"\x00?\x00\x00\x01", raw.read_bytes())[1:]
    pictures = [unit for unit in units if unit[0] & 31 in (1, 5)]
    parameters = next(unit for unit in units if unit[0] & 31 == 8)
    units.insert(units.index(pictures[80]), parameters)
    raw.write_bytes(b"".join(b"\0\0\0\1" + unit for unit in units))
    clips.ffmpeg("-r 25 -i {0} -c copy -bsf:v setts=ts=N/25/TB {1}", raw, path)
    video = S3Video(*upload(path), "needed")
    for seconds, is_whole in ((2.5, False), (3.5, True)):
        policy = SamplingPolicy(strategy="timestamps", timestamps_seconds=(seconds,))
        received.clear()
        assert _frames(video, tmp_path / "one", policy) == _frames(path, tmp_path / "whole", policy)
        assert (sum(received) + HEAD == path.stat().st_size) == is_whole


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    clips.ffmpeg(f"{PICTURES} {X264} {{0}}", path)
    return path


@pytest.mark.parametrize(("fetch", "is_all"), [("all", True), ("auto", True), ("needed", False)])
def test_a_small_object_is_fetched_in_part_only_on_request(
    fetch: FetchMode,
    is_all: bool,
    clip: Path,
    upload: Upload,
    received: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("extractor.pipeline.needed_bytes.MIN_BYTES", 1 << 40)
    _frames(S3Video(*upload(clip), fetch), tmp_path / "one", ONE)
    assert (sum(received) + HEAD == clip.stat().st_size) == is_all


def test_auto_fetches_less_than_half_of_a_large_object_or_all_of_it(
    clip: Path, upload: Upload, received: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("extractor.pipeline.needed_bytes.MIN_BYTES", 1)
    video = S3Video(*upload(clip))
    _frames(video, tmp_path / "one", ONE)
    assert sum(received) < clip.stat().st_size / 2
    received.clear()
    _frames(video, tmp_path / "all", SamplingPolicy(interval_seconds=0.6))
    assert sum(received) + HEAD == clip.stat().st_size


def test_a_plan_that_needs_a_missing_packet_is_not_used(
    clip: Path, upload: Upload, received: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch_too_little(
        copy: PartialCopy, policy: SamplingPolicy, rules: FetchRules, deadline: float
    ) -> bool:
        copy.fetch([range(copy.size_bytes - (1 << 14), copy.size_bytes)])  # the tables
        return True

    expected = _frames(clip, tmp_path / "whole", ONE)
    at_start: list[int] = []

    def run_ffmpeg(*arguments: Any) -> Any:
        at_start.append(sum(received))
        return process.run_ffmpeg(*arguments)

    monkeypatch.setattr(remote_video, "fetch_needed", fetch_too_little)
    monkeypatch.setattr("extractor.media.decode.planned.run_ffmpeg", run_ffmpeg)
    assert _frames(S3Video(*upload(clip)), tmp_path / "one", ONE) == expected
    assert at_start == [clip.stat().st_size - HEAD]  # no decode of the partial file was tried


def test_the_progress_of_a_fetch_ends_with_what_was_fetched(
    clip: Path, upload: Upload, received: list[int], tmp_path: Path
) -> None:
    told: list[tuple[float, float]] = []
    extract_to_folder(
        S3Video(*upload(clip), "needed"),
        tmp_path / "one",
        ONE,
        local_config(),
        fetching=lambda done, total: told.append((done, total)),
    )
    assert told == sorted(told)
    assert all(done <= total for done, total in told)
    assert told[-1] == (sum(received) + HEAD,) * 2


def test_an_object_that_changes_meanwhile_gives_no_frames(
    clip: Path, upload: Upload, s3_client: "S3Client", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, key = upload(clip)
    chunks = S3RangedObject.chunks

    def overwritten(self: S3RangedObject, run: range) -> Iterator[bytes]:
        s3_client.put_object(Bucket=bucket, Key=key, Body=bytes(clip.stat().st_size))
        return chunks(self, run)

    monkeypatch.setattr(S3RangedObject, "chunks", overwritten)
    with pytest.raises(SourceChangedError):
        _frames(S3Video(bucket, key, "needed"), tmp_path / "frames", ONE)
    assert not (tmp_path / "frames").exists()


def test_the_command_and_the_api_take_an_object(
    clip: Path, upload: Upload, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket, key = upload(clip)
    url = f"s3://{bucket}/{key}"
    arguments = ["--out", str(tmp_path / "frames"), "--timestamps", "4.3", "--fetch", "needed"]
    assert main([url, f"s3://{bucket}/missing.mp4", *arguments, "--jobs", "1"]) == 1
    printed = capsys.readouterr()
    assert f"MB fetched -> {tmp_path}/frames/clip\n" in printed.out
    assert printed.out.startswith(f"{url}: 1 frame of 6.00 s, ")
    assert f"s3://{bucket}/missing.mp4: VIDEO_MISSING: there is no object 'missing.mp4'" in printed.err
    source = extract_frames(url, tmp_path / "api", max_frames=1).manifest.source
    assert (source.bucket, source.key, source.size_bytes) == (bucket, key, clip.stat().st_size)
    with pytest.raises(VideoMissingError):
        extract_frames(f"s3://{bucket}/missing.mp4", tmp_path / "missing")
    assert main(["s3://bucket", "--out", str(tmp_path)]) == 2
