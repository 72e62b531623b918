"""A long video is split into slices, which any workers make in any order; the last one joins them."""

import io
import json
import random
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import asdict, replace

import lambda_function
from extractor.domain.manifest import Manifest
from extractor.domain.output_options import OutputOptions
from tests.handler.conftest import World, assert_complete
from tests.support.media import clips

pytestmark = pytest.mark.failure_row(31)


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pictures = "testsrc2=size=320x180:rate=25"
    encoded = "libx264 -preset ultrafast -g 40"
    return clips.plain(tmp_path_factory.mktemp("long") / "long.mp4", 20, pictures=pictures, encoded=encoded)


@pytest.fixture(scope="module")
def other_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pictures = "testsrc=size=320x180:rate=25"
    encoded = "libx264 -preset ultrafast -g 40"
    return clips.plain(tmp_path_factory.mktemp("long") / "other.mp4", 16, pictures=pictures, encoded=encoded)


@pytest.fixture(scope="module")
def damaged_clip(tmp_path_factory: pytest.TempPathFactory, long_clip: Path) -> Path:
    path = tmp_path_factory.mktemp("long") / "damaged.mp4"
    return clips.bit_rot(path, long_clip, long_clip.stat().st_size // 3)


@pytest.fixture(scope="module")
def turning_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stream that says it is progressive, and turns interlaced after 4 seconds."""
    folder = tmp_path_factory.mktemp("turning")
    encoded = "libx264 -preset ultrafast -g 25"
    parts = [
        clips.plain(folder / f"{number}.ts", 4, pictures=f"testsrc2=size=320x240:rate={rate}", encoded=kind)
        for number, (rate, kind) in enumerate(
            [("25", encoded), ("50,interlace", f"{encoded} -x264-params interlaced=1")]
        )
    ]
    clips.ffmpeg("-i concat:{0}|{1} -c copy {2}", *parts, folder / "turning.ts")
    return folder / "turning.ts"


@pytest.fixture
def splitting(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Everything that takes longer than a moment is split, with a message for each slice."""
    monkeypatch.setenv("SPLIT_SECONDS", "0.01")
    monkeypatch.setenv("SQS_QUEUE_URL", world.queue_url)
    lambda_function._app.cache_clear()
    return world


def taken(world: World) -> list[dict[str, Any]]:
    """The messages that wait in the queue, taken out."""
    found: list[dict[str, Any]] = []
    while messages := world.sqs.receive_message(QueueUrl=world.queue_url, MaxNumberOfMessages=10).get(
        "Messages"
    ):
        for message in messages:
            world.sqs.delete_message(QueueUrl=world.queue_url, ReceiptHandle=message["ReceiptHandle"])
            found.append(json.loads(message["Body"]))
    return found


def split(world: World, message: dict[str, Any]) -> list[dict[str, Any]]:
    """Deliver a message, which is split, and return the messages of its slices."""
    assert world.deliver(message) == []
    slices = taken(world)
    assert len(slices) > 2
    assert not world.is_extracted(message["code"])
    return slices


def frames(manifest: Manifest | None, code: str) -> list[Any]:
    assert manifest is not None
    return [replace(frame, key=frame.key.removeprefix(code), etag=None) for frame in manifest.frames]


def whole(world: World, clip: Path, message: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """The manifest of the video in one piece."""
    with monkeypatch.context() as at_once:
        at_once.setenv("SPLIT_SECONDS", "0")
        lambda_function._app.cache_clear()
        world.add_video("whole", clip)
        assert world.deliver({**message, "code": "whole"}) == []
        lambda_function._app.cache_clear()
    manifest = world.manifest("whole")
    assert manifest is not None
    return manifest


@pytest.mark.parametrize("options", [{}, {"interval": 0.3, "measures": True}, {"every_n_frames": 9}], ids=str)
def test_slices_in_any_order_end_with_the_manifest_of_one_piece(
    splitting: World, long_clip: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    world, message = splitting, {"code": "abc", **options}
    world.add_video("abc", long_clip)
    slices = split(world, message)
    random.Random(1).shuffle(slices)
    for number, part in enumerate(slices):
        assert not world.is_extracted("abc")
        assert "abc/manifest.json" not in world.objects()
        assert world.deliver(part, receive_count=1 + number % 2) == []
    assert world.is_extracted("abc")
    assert_complete(world, "abc")
    joined, alone = world.manifest("abc"), whole(world, long_clip, message, monkeypatch)
    assert joined is not None
    assert frames(joined, "abc") == frames(alone, "whole")
    left_out = {"code", "source", "frames", "timings"}
    assert {name: value for name, value in asdict(joined).items() if name not in left_out} == {
        name: value for name, value in asdict(alone).items() if name not in left_out
    }
    assert not [key for key in world.objects() if key.startswith("abc/slice-")]


def test_a_slice_that_is_delivered_again_is_not_made_again(
    splitting: World, long_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = splitting
    world.add_video("abc", long_clip)
    first, *rest = split(world, {"code": "abc"})
    assert world.deliver(first) == []
    with monkeypatch.context() as idle:
        idle.setattr("extractor.pipeline.job.extract", lambda *_: pytest.fail("it is made again"))
        assert world.deliver(first) == []
    for part in rest:
        assert world.deliver(part) == []
    assert world.is_extracted("abc")
    for part in (first, rest[-1]):  # and long after the end
        assert world.deliver(part, receive_count=2) == []
    assert_complete(world, "abc")


def test_a_worker_that_dies_before_it_joins_leaves_that_to_the_next_delivery(
    splitting: World, long_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = splitting
    world.add_video("abc", long_clip)
    *others, last = split(world, {"code": "abc"})
    for part in others:
        assert world.deliver(part) == []
    with monkeypatch.context() as late:
        late.setattr("extractor.pipeline.slices._joined", lambda *_: 1 / 0)
        assert world.deliver(last) == [0]
    assert not world.is_extracted("abc")
    assert world.deliver(last, receive_count=2) == []
    assert world.is_extracted("abc")
    assert_complete(world, "abc")


def test_a_slice_that_fails_for_good_fails_the_video_with_its_reason(
    splitting: World, long_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = splitting
    world.add_video("abc", long_clip)
    first, *rest = split(world, {"code": "abc"})
    with monkeypatch.context() as broken:
        broken.setenv("MAX_FRAMES_CEILING", "1")
        lambda_function._app.cache_clear()
        assert world.deliver(first) == []
    lambda_function._app.cache_clear()
    (letter,) = world.dead_letters()
    assert (letter["reason"], letter["code"]) == ("TOO_LARGE", "abc")
    for part in rest:
        assert world.deliver(part) == []
    assert not world.is_extracted("abc")
    assert world.manifest("abc") is None
    assert world.deliver(json.loads(letter["body"])) == []  # sent again, after the cause is gone
    assert world.is_extracted("abc")


def test_a_slice_that_does_not_fit_the_video_leads_to_one_piece(splitting: World, long_clip: Path) -> None:
    """The tables of the file said otherwise than FFmpeg does."""
    world = splitting
    world.add_video("abc", long_clip)
    first, second, *_ = split(world, {"code": "abc"})
    for part in (first, second):
        assert world.deliver({**part, "slice": {**part["slice"], "total": part["slice"]["total"] + 1}}) == []
    assert taken(world) == []
    assert world.is_extracted("abc")
    assert_complete(world, "abc")


@pytest.mark.parametrize("is_reversed", [False, True], ids=["in order", "reversed"])
@pytest.mark.parametrize("clip", ["damaged_clip", "turning_clip"])
def test_what_shows_in_one_slice_and_changes_all_frames_is_done_in_one_piece(
    splitting: World,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    clip: str,
    is_reversed: bool,
) -> None:
    world, video, message = splitting, request.getfixturevalue(clip), {"code": "abc", "interval": 0.3}
    world.add_video("abc", video)
    slices = split(world, message)
    for part in reversed(slices) if is_reversed else slices:
        assert world.deliver(part) == []
    assert taken(world) == []
    assert world.is_extracted("abc")
    assert_complete(world, "abc")
    joined, alone = world.manifest("abc"), whole(world, video, message, monkeypatch)
    assert joined is not None
    assert frames(joined, "abc") == frames(alone, "whole")
    assert (joined.video, joined.decode_errors) == (alone.video, alone.decode_errors)
    assert joined.decode_errors or joined.video.interlaced


def test_a_frame_that_is_lost_before_the_end_is_made_again(splitting: World, long_clip: Path) -> None:
    world = splitting
    world.add_video("abc", long_clip)
    first, *rest = split(world, {"code": "abc"})
    assert world.deliver(first) == []
    world.s3.delete_object(Bucket="oriane-frames", Key="abc/000000.jpg")
    for part in rest:
        assert world.deliver(part) == []
    assert not world.is_extracted("abc")
    (again,) = taken(world)
    assert again == first
    assert world.deliver(again) == []
    assert world.is_extracted("abc")
    assert_complete(world, "abc")


def test_slices_of_a_video_that_was_overwritten_are_given_up_and_the_new_one_is_made(
    splitting: World, long_clip: Path, other_clip: Path
) -> None:
    world = splitting
    world.add_video("abc", long_clip)
    first, *rest = split(world, {"code": "abc"})
    assert world.deliver(first) == []
    world.add_video("abc", other_clip)
    again: list[dict[str, Any]] = []
    for part in rest:
        assert world.deliver(part) == []
        again += taken(world)
    assert sorted(part["slice"]["first"] for part in again) == sorted(
        {part["slice"]["first"] for part in again}
    )
    for part in again:
        assert world.deliver(part) == []
    assert world.is_extracted("abc")
    assert_complete(world, "abc")
    manifest = world.manifest("abc")
    assert manifest is not None
    assert manifest.video.duration_seconds == 16
    assert not [key for key in world.objects() if key.startswith("abc/slice-")]


def test_slices_of_other_settings_are_given_up(
    splitting: World, long_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = splitting
    world.add_video("abc", long_clip)
    first, second, *_ = split(world, {"code": "abc"})
    monkeypatch.setenv("FRAME_INTERVAL", "0.5")
    lambda_function._app.cache_clear()
    assert world.deliver(second) == []
    anew = taken(world)
    assert anew[-1]["slice"]["total"] == 2 * first["slice"]["total"]
    assert world.deliver(first) == []
    assert taken(world) == []


@pytest.mark.parametrize(
    ("setting", "value"), [("OUTPUT", "tar"), ("STORYBOARD", "true"), ("SPLIT_SECONDS", "0")]
)
def test_slices_that_wait_while_slices_are_switched_off_end_with_the_video_in_one_piece(
    splitting: World, long_clip: Path, monkeypatch: pytest.MonkeyPatch, setting: str, value: str
) -> None:
    world = splitting
    world.add_video("abc", long_clip)
    first, *rest = split(world, {"code": "abc"})
    assert world.deliver(first) == []
    monkeypatch.setenv(setting, value)
    lambda_function._app.cache_clear()
    for part in rest:
        assert world.deliver(part) == []
    assert world.dead_letters() == []
    assert taken(world) == []
    assert world.is_extracted("abc")
    manifest = world.manifest("abc")
    assert manifest is not None
    assert len(manifest.frames) == 20
    assert manifest.archive is None or len(manifest.archive.offsets) == 20
    assert manifest.has_output(OutputOptions("tar" if value == "tar" else "frames", value == "true"))
    assert not [key for key in world.objects() if key.startswith("abc/slice-")]


def test_slices_that_wait_while_the_layout_changes_end_with_the_frames_at_their_new_place(
    splitting: World, long_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = splitting
    world.add_video("abc", long_clip)
    first, *rest = split(world, {"code": "abc"})
    assert world.deliver(first) == []
    monkeypatch.setenv("FRAMES_LAYOUT", "flat")
    lambda_function._app.cache_clear()
    for part in rest:
        assert world.deliver(part) == []
    for part in taken(world):
        assert world.deliver(part) == []
    assert world.is_extracted("abc")
    assert_complete(world, "abc/frames")


def test_a_direct_event_is_done_at_once(splitting: World, long_clip: Path) -> None:
    world = splitting
    world.add_video("abc", long_clip)
    assert world.invoke({"code": "abc"})["results"][0]["outcome"] == "extracted"
    assert taken(world) == []


def test_nothing_is_split_over_a_fifo_queue(
    splitting: World, long_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = splitting
    world.add_video("abc", long_clip)
    monkeypatch.setenv("SQS_QUEUE_URL", f"{world.queue_url}.fifo")
    lambda_function._app.cache_clear()
    assert world.deliver({"code": "abc"}) == []
    assert world.is_extracted("abc")


def test_an_announced_video_is_split_as_well(splitting: World, long_clip: Path) -> None:
    world = splitting
    world.add_video("abc", long_clip)
    created = {"bucket": {"name": "oriane-videos"}, "object": {"key": "abc.mp4", "size": 1}}
    event = {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": created}]}
    assert world.deliver(event) == []
    slices = taken(world)
    assert len(slices) > 2
    for part in slices:
        assert world.deliver(part) == []
    assert world.is_extracted("abc")


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"first": 3, "stop": 3, "total": 9}, "ascend"),
        ({"first": -1, "stop": 3, "total": 9}, "slice.first"),
        ({"first": 0, "stop": 10, "total": 9}, "ascend"),
        ({"first": 0, "stop": 1, "total": 26**6}, "slice.total"),
        ({"first": 0, "stop": 1, "total": 9, "policy": "none"}, "slice.policy"),
        ({"first": 0, "stop": 1, "total": 9, "other": 1}, "slice.other"),
    ],
)
def test_a_slice_that_no_worker_has_sent_is_refused(
    splitting: World, logs: io.StringIO, part: dict[str, Any], field: str
) -> None:
    message = {"code": "abc", "slice": {"etag": "e", "policy": "0" * 64, "place": "p", **part}}
    assert splitting.deliver(message) == []
    (letter,) = splitting.dead_letters()
    assert letter["reason"] == "INVALID_MESSAGE"
    assert field in letter["detail"]
