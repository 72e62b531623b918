"""The stream that players show is selected; both the index and the frames come from it."""

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from extractor import errors
from extractor.domain.frames import DecodeLimits
from extractor.domain.policy import SamplingPolicy
from extractor.media.ffmpeg.input_info import InputInfo, StreamInfo
from extractor.media.probe.stream_choice import candidates, choose
from tests.support.media import clips
from tests.support.media.decoding import Decode

_MAIN = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=4"
_SMALL = "-f lavfi -i color=red:size=80x60:rate=25:duration=4"
_STILL = "-f lavfi -i color=red:size=320x240:rate=25"
_H264 = "-c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p"
_POLICIES = [SamplingPolicy(), SamplingPolicy(strategy="keyframe"), SamplingPolicy(interval_seconds=2)]


def _picture_and_video(path: Path, dispositions: str) -> Path:
    picture, video = path.with_suffix(".picture.mkv"), path.with_suffix(".video.mkv")
    clips.ffmpeg(f"{_STILL} -frames:v 1 -c:v mjpeg -pix_fmt yuvj420p {{0}}", picture)
    clips.ffmpeg(f"{_MAIN} {_H264} {{0}}", video)
    clips.ffmpeg(f"-i {{0}} -i {{1}} -map 0 -map 1 -c copy {dispositions} {{2}}", picture, video, path)
    return path


def _picture_track_first(path: Path) -> Path:
    return _picture_and_video(path, "-disposition:v:0 0 -disposition:v:1 default")


def _both_default_picture_first(path: Path) -> Path:
    return _picture_and_video(path, "-disposition:v default")


def _disabled_first(path: Path) -> Path:
    clips.ffmpeg(
        f"{_SMALL} {_MAIN} -map 0 -map 1 {_H264} -disposition:v:0 0 -disposition:v:1 default {{0}}", path
    )
    return path


def _small_first(path: Path) -> Path:
    clips.ffmpeg(f"{_SMALL} {_MAIN} -map 0 -map 1 {_H264} {{0}}", path)
    return path


def _empty_programme_first(path: Path) -> Path:
    """Make two programmes; the video packets of the first are replaced by null packets."""
    clips.ffmpeg(
        f"{_SMALL} {_MAIN} -map 0 -map 1 {_H264} -program title=A:st=0 -program title=B:st=1 {{0}}", path
    )
    data = bytearray(path.read_bytes())
    for place in range(0, len(data), 188):
        if int.from_bytes(data[place + 1 : place + 3], "big") & 0x1FFF == 0x100:
            data[place + 1] |= 0x1F
            data[place + 2] = 0xFF
    path.write_bytes(data)
    return path


_MAKERS: list[tuple[str, Callable[[Path], Path]]] = [
    ("picture.mp4", _picture_track_first),
    ("pictures.mkv", _both_default_picture_first),
    ("disabled.mov", _disabled_first),
    ("small.ts", _small_first),
    ("empty.ts", _empty_programme_first),
]


@pytest.fixture(scope="module", params=_MAKERS, ids=lambda maker: maker[0])
def two_streams(request: pytest.FixtureRequest, clip_dir: Path) -> Path:
    name, make = request.param
    path: Path = make(clip_dir / f"two-{name}")
    return path


@pytest.mark.failure_row(58)
@pytest.mark.parametrize("policy", _POLICIES, ids=["uniform", "keyframe", "2 s"])
def test_the_stream_that_players_show_is_taken(
    decode: Decode, two_streams: Path, policy: SamplingPolicy
) -> None:
    decoded = decode(two_streams, policy, plan=True)
    assert decoded.index.stream == 1
    assert {(frame.width, frame.height) for frame in decoded.frames} == {(160, 120)}
    step = 2 if policy.interval_seconds == 2 else 1
    assert [time for _, time in decoded.times] == list(range(0, 4, step))


@pytest.mark.parametrize("ending", ["mp4", "mov"])
def test_a_timecode_track_hides_nothing(decode: Decode, clip_dir: Path, ending: str) -> None:
    """FFmpeg describes streams of a group with a deeper indentation."""
    plain = clips.rotated(clip_dir / f"plain-rotated.{ending}", 90)
    timed = clip_dir / f"timecode.{ending}"
    clips.ffmpeg("-i {0} -c copy -timecode 01:00:00:00 {1}", plain, timed)
    decoded, expected = decode(timed), decode(plain)
    assert [frame.data for frame in decoded.frames] == [frame.data for frame in expected.frames]
    assert decoded.index.rotation_degrees == expected.index.rotation_degrees == 90


def test_the_facts_are_those_of_the_grouped_stream_and_not_of_one_outside(
    decode: Decode, clip_dir: Path
) -> None:
    path = clip_dir / "preview.mov"
    clips.ffmpeg(
        f"{_MAIN} {_SMALL} -map 0 -map 1 -c:v:0 libx265 -x265-params:v:0 log-level=none"
        " -filter:v:0 setparams=color_trc=smpte2084:color_primaries=bt2020:colorspace=bt2020nc"
        " -pix_fmt:v:0 yuv420p10le -tag:v:0 hvc1 -c:v:1 mjpeg -pix_fmt:v:1 yuvj420p"
        " -disposition:v:0 default -disposition:v:1 0 -timecode 10:00:00:00 {0}",
        path,
    )
    index = decode(path, SamplingPolicy(interval_seconds=2)).index
    assert (index.stream, index.codec, index.hdr, index.width) == (0, "hevc", "pq", 160)


def test_video_that_starts_late_has_its_size(decode: Decode, clip_dir: Path) -> None:
    path = clip_dir / "late.ts"
    clips.ffmpeg(
        f"{_MAIN} -f lavfi -i sine=duration=70 -filter_complex [0:v]setpts=PTS+60/TB[v] -map [v]"
        " -map 1:a -fps_mode passthrough -c:v libx264 -g 25 -c:a aac {0}",
        path,
    )
    decoded = decode(path, plan=True)
    assert (decoded.index.width, decoded.index.height) == (160, 120)
    assert decoded.times == [(slot, float(slot)) for slot in range(4)]


@pytest.mark.failure_row(54)
def test_more_packets_than_allowed_are_too_many_while_they_are_listed(
    decode: Decode, plain_clip: Path
) -> None:
    with pytest.raises(errors.TooLargeError, match="MAX_PACKETS=99"):
        decode(plain_clip, limits=DecodeLimits(max_packets=99))
    assert len(decode(plain_clip, limits=DecodeLimits(max_packets=100)).frames) == 4


def _stream(index: int, *, default: bool = False, size: tuple[int, int] = (64, 64)) -> StreamInfo:
    return StreamInfo(index, "h264", is_default=default, width=size[0], height=size[1])


@pytest.mark.parametrize(
    ("streams", "counts", "expected"),
    [
        ([_stream(0), _stream(1)], {0: 9, 1: 9}, 0),
        ([_stream(0), _stream(1, default=True)], {0: 9, 1: 9}, 1),
        ([_stream(0), _stream(1, size=(128, 64))], {0: 9, 1: 9}, 1),
        ([_stream(0, default=True), _stream(1, size=(128, 64))], {0: 9, 1: 9}, 0),
        ([_stream(0, default=True), _stream(1)], {0: 0, 1: 9}, 1),
        ([_stream(0, size=(900, 900)), _stream(1)], {0: 1, 1: 9}, 1),
        ([_stream(3, default=True), _stream(5, default=True)], {3: 5, 5: 5}, 3),
    ],
    ids=["first", "default", "largest", "default before largest", "empty", "a picture", "stereo pair"],
)
def test_choice(streams: list[StreamInfo], counts: dict[int, int], expected: int) -> None:
    assert choose(streams, counts).index == expected


_BANNER = """\
ffmpeg version 9.0.2-static
Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:x':
  Duration: 00:01:03.50, start: -0.021000, bitrate: 226 kb/s
  Program 1
  Stream group #0:0[0x3]: Track Reference:
    Stream #0:0[0x1](eng): Video: {video}
        Side data:
          Display Matrix: rotation of -90.00 degrees
          DOVI configuration record: version: 1.0, profile: 8, level: 6, rpu flag: 1
    Stream #0:2[0x3](eng): Data: none (tmcd / 0x64636D74), 0 kb/s
  Stream #0:1[0x2]: Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz, mono, fltp, 69 kb/s (default)
  Stream #0:3: Video: png, rgb24(pc, gbr/unknown/unknown), 64x64, 90k tbr, 90k tbn (attached pic)
Stream mapping:
  Stream #0:9: Video: h264, yuv420p, 1x1
"""


@pytest.mark.parametrize(
    ("video", "expected"),
    [
        (
            "hevc (Main 10) (hvc1 / 0x31637668), yuv420p10le(tv, bt2020nc/bt2020/smpte2084, progressive)"
            ", 192x336 [SAR 1:1 DAR 4:7], 188 kb/s, 15 fps, 15 tbr, 15360 tbn (default)",
            ("hevc", "Main 10", "yuv420p10le", "tv", "bt2020nc", "smpte2084", False, 192, 336, True),
        ),
        (
            "h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt709, top coded first (swapped)), 720x576, 25 fps",
            ("h264", "High", "yuv420p", "tv", "bt709", "bt709", True, 720, 576, False),
        ),
        (
            "mpeg2video (4:2:2) ([2][0][0][0] / 0x0002), yuv422p(bottom first), 720x576 [SAR 16:15 DAR 4:3]",
            ("mpeg2video", "4:2:2", "yuv422p", "unknown", "unknown", "unknown", True, 720, 576, False),
        ),
        (
            "vp9 (Profile 0), yuv420p(tv, bt470bg/unknown/unknown), 320x240, 25 fps (default) (forced)",
            ("vp9", "Profile 0", "yuv420p", "tv", "bt470bg", "unknown", False, 320, 240, True),
        ),
        (
            "h264 ([27][0][0][0] / 0x001B), none, 90k tbr, 90k tbn, start 1.480000",
            ("h264", "[27][0][0][0] / 0x001B", "none", "unknown", "unknown", "unknown", False, 0, 0, False),
        ),
        (
            "av1 (libdav1d) (Main) (av01 / 0x31307661), yuv420p(pc, progressive), 64x48, 1 fps, 1 tbn",
            ("av1", "libdav1d", "yuv420p", "pc", "unknown", "unknown", False, 64, 48, False),
        ),
        (
            "prores (4444) (ap4h / 0x68347061), yuva444p12le(10 bpc, tv, ycgco/unknown/unknown), 8x8",
            ("prores", "4444", "yuva444p12le", "tv", "ycgco", "unknown", False, 8, 8, False),
        ),
    ],
)
def test_every_form_in_which_ffmpeg_describes_a_stream_is_read(
    video: str, expected: tuple[object, ...]
) -> None:
    header = InputInfo.parse(_BANNER.format(video=video).splitlines())
    stream, cover = header.streams
    found = (
        stream.codec, stream.profile, stream.pixel_format, stream.color_range, stream.matrix,
        stream.transfer_name, stream.is_interlaced, stream.width, stream.height, stream.is_default,
    )  # fmt: skip
    assert found == expected
    assert (stream.rotation_degrees, stream.dolby_vision_profile) == (-90, 8)
    assert (cover.index, cover.is_cover) == (3, True)
    assert candidates(header) == [stream]
    assert (float(header.duration or 0), float(header.start)) == (63.5, -0.021)
    assert header.other_kinds == {"Audio", "Data", "Cover"}


_FACTS = {
    "plain.mp4": f"{_MAIN} {_H264}",
    "full.mp4": f"{_MAIN} {_H264} -color_range pc",
    "hevc.mkv": f"{_MAIN} -vf setparams=color_trc=arib-std-b67:color_primaries=bt2020:colorspace=bt2020nc"
    " -c:v libx265 -x265-params log-level=none -pix_fmt yuv420p10le",
    "vp9.webm": f"{_MAIN} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -colorspace smpte170m",
    "mpeg2.ts": f"{_MAIN} -vf setfield=tff -c:v mpeg2video -flags +ilme+ildct",
    "mpeg4.avi": f"{_MAIN} -c:v mpeg4",
    "mjpeg.mov": f"{_MAIN} -c:v mjpeg -pix_fmt yuvj422p",
    "ffv1.mkv": f"{_MAIN} -c:v ffv1 -pix_fmt yuv444p",
}


@pytest.mark.parametrize("name", _FACTS)
def test_facts_are_those_of_an_independent_reader(decode: Decode, clip_dir: Path, name: str) -> None:
    path = clip_dir / f"facts-{name}"
    clips.ffmpeg(f"{_FACTS[name]} {{0}}", path)
    index = decode(path, SamplingPolicy(interval_seconds=2)).index
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frame = next(container.decode(stream))
        count = 1 + sum(1 for _ in container.decode(stream))
        assert (index.codec, index.width, index.height) == (stream.codec.name, stream.width, stream.height)
        assert index.pixel_format == stream.pix_fmt
        assert index.frame_count == count
        assert index.frame_rate == pytest.approx(float(stream.average_rate), rel=0.02)
        assert index.picture.interlaced == frame.interlaced_frame
        hdr = {16: "pq", 18: "hlg"}.get(int(frame.color_trc))
        assert index.hdr == hdr
