"""A video that was cut from another one begins with the first frame that the decoder outputs."""

from pathlib import Path

import pytest

from extractor.domain.policy import SamplingPolicy
from extractor.media.decode.schedule import make_schedule
from tests.support.media import clips
from tests.support.media.decoding import Decode

_CODECS = {
    "h264": ("libx264 -g 40 -bf 3 -x264-params open-gop=1:scenecut=0:b-adapt=0", False),
    "hevc": (
        "libx265 -x265-params log-level=none:keyint=40:min-keyint=40:open-gop=1:scenecut=0:b-adapt=0",
        True,
    ),
    "mpeg2": ("mpeg2video -g 40 -bf 2 -sc_threshold 1000000000", False),
}
_POLICIES = {
    "uniform": SamplingPolicy(interval_seconds=0.9),
    "keyframe": SamplingPolicy(strategy="keyframe"),
    "timestamps": SamplingPolicy(strategy="timestamps", timestamps_seconds=(0.51, 2.3)),
    "spread": SamplingPolicy(interval_seconds=0.1, max_frames=3, max_frames_mode="spread"),
}


@pytest.fixture(scope="module", params=_CODECS)
def cut_clip(request: pytest.FixtureRequest, clip_dir: Path) -> tuple[Path, bool]:
    """A clip that begins with a keyframe whose leading pictures reference missing pictures."""
    encoded, planned = _CODECS[request.param]
    whole = clip_dir / f"begin-{request.param}-whole.ts"
    picture = "testsrc2=size=128x96:rate=25:duration=6"
    clips.ffmpeg(f"-f lavfi -i {picture} -pix_fmt yuv420p -c:v {encoded} {{0}}", whole)
    cut = clip_dir / f"begin-{request.param}.ts"
    clips.ffmpeg("-ss 1.7 -i {0} -c copy {1}", whole, cut)
    return cut, planned


@pytest.mark.parametrize("policy", _POLICIES.values(), ids=_POLICIES)
def test_what_the_decoder_leaves_out_at_the_beginning_counts_for_nothing(
    decode: Decode, cut_clip: tuple[Path, bool], policy: SamplingPolicy
) -> None:
    clip, planned = cut_clip
    full = decode(clip, policy)
    packets = full.index.packets
    assert min(packets.pts) < packets.pts[0] == full.index.first_pts, "the case is another one"
    assert full.index.frame_count == len(packets) - sum(pts < packets.pts[0] for pts in packets.pts)
    if planned or policy.strategy == "keyframe":
        assert make_schedule(full.index, policy).plan is not None
        again = decode(clip, policy, plan=True)
        assert again.times == full.times
        assert [frame.data for frame in again.frames] == [frame.data for frame in full.frames]


def test_times_count_from_the_first_picture_that_is_shown(
    decode: Decode, cut_clip: tuple[Path, bool]
) -> None:
    clip, _ = cut_clip
    assert decode(clip, SamplingPolicy(interval_seconds=0.8)).times[:3] == [(0, 0.0), (1, 0.8), (2, 1.6)]
    assert decode(clip, SamplingPolicy(strategy="keyframe"), plan=True).times[0] == (0, 0.0)


def test_a_video_that_begins_between_two_keyframes_begins_with_the_second(
    decode: Decode, clip_dir: Path
) -> None:
    whole = clips.plain(clip_dir / "begin-between-whole.mkv", 4, encoded="libx264 -g 50 -bf 2")
    clip = clip_dir / "begin-between.mkv"
    clips.ffmpeg("-i {0} -c copy -copyinkf -bsf:v noise=drop=lt(n\\,30) {1}", whole, clip)
    policy = SamplingPolicy(interval_seconds=0.5)
    full = decode(clip, policy)
    assert not full.index.packets.are_keyframes[0], "the case is another one"
    assert full.times == [(0, 0.0), (1, 0.52), (2, 1.0), (3, 1.52)]
    assert decode(clip, policy, plan=True).times == full.times
