"""Videos as strangers make them, through the whole handler."""

import io
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from tests.handler.conftest import World
from tests.support.media import clips


def _letter(world: World) -> tuple[str, str]:
    (letter,) = world.dead_letters()
    return letter["reason"], letter["detail"]


@pytest.mark.failure_row(16)
def test_a_little_damage_is_in_the_manifest_and_much_is_final(
    world: World, sound_clip: Path, tmp_path: Path
) -> None:
    world.add_video("little", clips.bit_rot(tmp_path / "little", sound_clip, every_bytes=20_000))
    world.add_video("much", clips.bit_rot(tmp_path / "much", sound_clip, every_bytes=300))
    assert world.deliver({"code": "little"}, {"code": "much"}) == []
    manifest = world.manifest("little")
    assert manifest is not None
    assert manifest.decode_errors > 0
    reason, detail = _letter(world)
    assert reason == "UNREADABLE"
    assert "damaged" in detail


@pytest.mark.failure_row(19)
def test_a_gap_of_hours_gives_no_frames_that_do_not_exist(world: World, clip_dir: Path) -> None:
    world.add_video("abc", clips.with_gap(clip_dir / "handler-gap.mp4"))
    assert world.deliver({"code": "abc"}) == []
    manifest = world.manifest("abc")
    assert manifest is not None
    assert [frame.slot for frame in manifest.frames][:2] == [0, 1]
    assert len(manifest.frames) <= 4


@pytest.mark.failure_row(19)
def test_more_frames_than_the_ceiling_are_refused(
    world: World, plain_clip: Path, settings: Callable[..., None]
) -> None:
    settings(MAX_FRAMES_CEILING=50)
    world.add_video("abc", plain_clip)
    assert world.deliver({"code": "abc", "interval": 0.01}) == []
    assert _letter(world)[0] == "TOO_LARGE"
    assert world.objects() == {}


@pytest.mark.failure_row(20)
def test_too_many_pixels_are_refused_and_changing_sizes_are_told(
    world: World, plain_clip: Path, settings: Callable[..., None], clip_dir: Path
) -> None:
    world.add_video("sizes", clips.changing_size(clip_dir / "handler-sizes.ts"))
    assert world.deliver({"code": "sizes"}) == []
    manifest = world.manifest("sizes")
    assert manifest is not None
    stored = world.objects()
    for frame in manifest.frames:
        with av.open(io.BytesIO(stored[frame.key])) as image:
            picture = next(image.decode(video=0))
        assert (picture.width, picture.height) == (frame.width, frame.height)
    settings(MAX_PIXELS=320 * 240 - 1)
    world.add_video("bomb", plain_clip)
    assert world.deliver({"code": "bomb"}) == []
    assert _letter(world)[0] == "TOO_LARGE"


@pytest.mark.failure_row(21)
def test_a_phone_video_comes_out_upright_with_true_times(world: World, clip_dir: Path) -> None:
    world.add_video("turned", clips.rotated(clip_dir / "handler-turned.mp4"))
    world.add_video("uneven", clips.variable_rate(clip_dir / "handler-uneven.mp4"))
    assert world.deliver({"code": "turned"}, {"code": "uneven"}) == []
    turned, uneven = world.manifest("turned"), world.manifest("uneven")
    assert turned is not None
    assert {(frame.width, frame.height) for frame in turned.frames} == {(240, 320)}
    assert uneven is not None
    # There is no picture between 3.2 and 4.6 s: the frame for 4 s is a later one, and says so.
    assert [frame.pts_seconds >= frame.slot for frame in uneven.frames] == [True] * len(uneven.frames)
    assert any(frame.pts_seconds > frame.slot + 0.5 for frame in uneven.frames)


@pytest.mark.failure_row(23)
def test_hdr_becomes_sdr_and_the_manifest_says_so(world: World, clip_dir: Path) -> None:
    tagged = (
        "libx265 -preset ultrafast -x265-params log-level=none:colorprim=bt2020:transfer=smpte2084:"
        "colormatrix=bt2020nc -pix_fmt yuv420p10le"
    )
    world.add_video("abc", clips.plain(clip_dir / "handler-hdr.mp4", 1, encoded=tagged))
    assert world.deliver({"code": "abc"}) == []
    manifest = world.manifest("abc")
    assert manifest is not None
    assert manifest.video.hdr == "pq"


@pytest.mark.failure_row(26)
def test_a_decoder_without_enough_memory_is_final(
    world: World, clip_dir: Path, settings: Callable[..., None]
) -> None:
    settings(FFMPEG_MEMORY_MB=512)
    pictures = "testsrc2=size=7680x4320:rate=2"
    world.add_video("abc", clips.plain(clip_dir / "handler-8k.mp4", 1, pictures=pictures))
    assert world.deliver({"code": "abc"}) == []
    reason, detail = _letter(world)
    assert reason == "TOO_LARGE"
    assert "FFMPEG_MEMORY_MB" in detail
