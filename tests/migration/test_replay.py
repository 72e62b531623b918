"""What older producers send gives what their readers expect: the examples of docs/howto/migrate.md, run."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from extractor.domain.keys import derived_code
from extractor.domain.layout import LAYOUTS
from extractor.domain.manifest import parse_manifest
from tests.migration.page import PAGE, Example, Video, read_example, read_table, sections
from tests.migration.stage import Stage
from tests.support.media import clips

SetUp = Callable[[Mapping[str, str]], Stage]

_MOMENTS = (1_782_907_200, 1_782_907_205)
_HOUR_SECONDS = 3_600

PICTURES = "testsrc2=size=320x240:rate=30"


@pytest.mark.parametrize("through", [Stage.invoke, Stage.deliver], ids=["directly", "through the queue"])
@pytest.mark.parametrize("title", sections())
def test_the_examples_are_what_happens(
    title: str, through: Callable[[Stage, str], None], set_up: SetUp, tmp_path: Path
) -> None:
    section = sections()[title]
    example = read_example(section)
    stage = set_up(example.settings)
    for video in example.videos:
        section = _upload(stage, video, tmp_path, section)
    example = read_example(section)
    stage.state.fill(example.before)
    through(stage, example.event)
    _assert_frames(stage, example)
    entries = stage.state.entries()
    assert len(entries) == len(example.state)
    for found, told in zip(entries, example.state, strict=True):
        assert found.keys() == told.keys()
        assert {name: found[name] for name in told if not _matches(found[name], told[name])} == {}


def test_frames_of_an_older_system_are_done_again(set_up: SetUp, tmp_path: Path) -> None:
    section = sections()["One video, by its short code"]
    example = read_example(section)
    stage = set_up(example.settings)
    _upload(stage, example.videos[0], tmp_path, section)
    stage.state.fill(example.before)
    older = {key: b"older" for key, _ in example.frames if key.endswith(".jpg")}
    for key, data in older.items():
        stage.s3.put_object(Bucket="oriane-frames", Key=key, Body=data)
    assert stage.is_acknowledged(example.event)
    _assert_frames(stage, example)
    assert not older.items() & stage.objects("oriane-frames", but=()).items()


def test_the_code_that_the_page_shows_is_the_one_that_is_made_up() -> None:
    assert f"`uploads/My clip.mp4` → `{derived_code('uploads/My clip.mp4')}`" in PAGE


def test_the_named_layouts_are_those_of_the_page() -> None:
    assert read_table("Layouts") == LAYOUTS


def _upload(stage: Stage, video: Video, directory: Path, section: str) -> str:
    """`section` with the facts of the video."""
    etag = stage.s3.put_object(Bucket=video.bucket, Key=video.key, Body=_content(video, directory))["ETag"]
    facts = f"{video.bucket}|{video.key}|{etag.strip(chr(34))}"
    video_id = hashlib.sha256(facts.encode()).hexdigest()
    return section.replace("{etag}", etag.strip('"')).replace("{video_id}", video_id)


def _content(video: Video, directory: Path) -> bytes:
    if video.seconds is None:
        return bytes(range(256)) * 20
    path = directory / "clip.mp4"
    if video.cut_seconds is None:
        return clips.plain(path, video.seconds, pictures=PICTURES).read_bytes()
    clips.ffmpeg(
        f"-f lavfi -i {PICTURES}:duration={video.cut_seconds}"
        f" -f lavfi -i color=red:size=320x240:rate=30:duration={video.seconds - video.cut_seconds}"
        f" -filter_complex [0][1]concat=n=2 -c:v {clips.ENCODED} {{0}}",
        path,
    )
    return path.read_bytes()


def _assert_frames(stage: Stage, example: Example) -> None:
    bucket = example.settings.get("S3_BUCKET_FRAMES") or example.settings["BUCKET_NAME"]
    objects = stage.objects(bucket, but=[video.key for video in example.videos])
    told = [key for key, _ in example.frames]
    assert _shortened(sorted(objects), told) == told
    manifests = [parse_manifest(data) for key, data in objects.items() if key.endswith("/manifest.json")]
    frames = [frame for manifest in manifests if manifest for frame in manifest.frames]
    assert {frame.key for frame in frames} == {key for key in objects if not key.endswith("/manifest.json")}
    times = {frame.key: frame.pts_seconds for frame in frames}
    for key, seconds in example.frames:
        if seconds is not None:
            assert times[key] == pytest.approx(seconds, abs=0.001)


def _shortened(keys: Sequence[str], told: Sequence[str]) -> list[str]:
    """`keys` with an ellipsis where `told` has one."""
    if "…" not in told:
        return list(keys)
    start = told.index("…")
    end = len(keys) - (len(told) - start - 1)
    assert end > start
    return [*keys[:start], "…", *keys[end:]]


def _matches(found: object, told: object) -> bool:
    """Equal; an ellipsis stands for any text, one moment (in seconds since 1970) for any other."""
    if isinstance(told, str) and told.endswith("…"):
        return isinstance(found, str) and found.startswith(told.removesuffix("…"))
    if isinstance(told, int) and told in _MOMENTS:
        return isinstance(found, Decimal) and abs(time.time() - float(found)) < _HOUR_SECONDS
    return found == told
