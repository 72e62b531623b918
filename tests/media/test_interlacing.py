"""Interlaced frames are detected by their own flags, whatever the header says."""

from pathlib import Path

import numpy as np
import pytest

from extractor.domain.policy import SamplingPolicy, Strategy
from extractor.pipeline.local import extract_to_folder, local_config
from tests.media.h264_fields import stream_of_fields
from tests.support.media import clips
from tests.support.media.decoding import Decode

_PNG = SamplingPolicy(image_format="png", interval_seconds=0.5)

# A white bar that moves from field to field.
_MOVING = (
    "-f lavfi -i color=black:size={size}:rate=50:duration={seconds}"
    " -f lavfi -i color=white:size=40x160:rate=50"
    " -filter_complex overlay=x=mod(n*16\\,280):y=40:shortest=1{fields}"
)
_FIELDS = ",interlace"
_MBAFF = "libx264 -preset veryfast -x264-params interlaced=1:bframes=2 -g 10 -b:v 2M -pix_fmt yuv420p"
_PLAIN = "libx264 -preset veryfast -g 10 -b:v 2M -pix_fmt yuv420p"


def _moving(
    path: Path, encoded: str, fields: str = _FIELDS, size: str = "320x240", seconds: float = 2
) -> Path:
    clips.ffmpeg(
        f"{_MOVING.format(size=size, seconds=seconds, fields=fields)} -c:v {encoded} {{0}}".replace(
            "{{0}}", "{0}"
        ),
        path,
    )
    return path


def _combing(image: bytes, tmp_path: Path) -> int:
    """Return how many pixels differ from both the one above and the one below."""
    (tmp_path / "image").write_bytes(image)
    clips.ffmpeg(
        "-i {0} -vf crop=320:240:0:0 -f rawvideo -pix_fmt gray {1}",
        tmp_path / "image",
        tmp_path / "grey",
    )
    pixels = (tmp_path / "grey").read_bytes()
    rows = [pixels[y * 320 : (y + 1) * 320] for y in range(60, 180)]
    return sum(
        abs(above[x] - here[x]) > 60 and abs(below[x] - here[x]) > 60
        for above, here, below in zip(rows, rows[1:], rows[2:], strict=False)
        for x in range(320)
    )


_KINDS = [
    ("mbaff.mp4", _MBAFF, "320x240"),
    ("mbaff.mkv", _MBAFF, "320x240"),
    ("mbaff.flv", _MBAFF, "320x240"),
    ("mpeg4.avi", "mpeg4 -b:v 4M -flags +ilme+ildct", "320x240"),
    ("mpeg2.mp4", "mpeg2video -b:v 8M -flags +ilme+ildct", "320x240"),
    ("prores.mov", "prores_ks -flags +ildct -profile:v 0", "320x240"),
    ("dv.avi", "dvvideo -pix_fmt yuv420p", "720x576"),
    ("dnxhd.mov", "dnxhd -b:v 120M -flags +ildct -pix_fmt yuv422p", "1920x1080"),
]


@pytest.mark.parametrize(("name", "encoded", "size"), _KINDS, ids=[kind[0] for kind in _KINDS])
def test_no_kind_of_interlaced_video_has_combs(
    decode: Decode, tmp_path: Path, name: str, encoded: str, size: str
) -> None:
    clip = _moving(tmp_path / name, encoded, size=size)
    decoded = decode(clip, _PNG, plan=True)
    assert decoded.index.interlaced
    assert len(decoded.frames) == 4
    assert max(_combing(frame.data, tmp_path) for frame in decoded.frames) < 40


@pytest.mark.parametrize(
    "policy",
    [
        _PNG,
        SamplingPolicy(image_format="png", strategy="keyframe"),
        SamplingPolicy(image_format="png", strategy="timestamps", timestamps_seconds=(0.3, 1.5, 2.5)),
        SamplingPolicy(image_format="png", interval_seconds=0.5, scene_detector="content"),
    ],
    ids=["uniform", "keyframe", "timestamps", "with scenes"],
)
def test_a_stream_that_turns_interlaced_is_changed_from_there_on(
    decode: Decode, tmp_path: Path, policy: SamplingPolicy
) -> None:
    parts = [
        _moving(tmp_path / "plain.ts", _PLAIN, fields=",fps=25", seconds=1.2),
        _moving(tmp_path / "fields.ts", _MBAFF, seconds=1.2),
    ]
    clip = tmp_path / "turns.ts"
    clips.ffmpeg("-i concat:{0}|{1} -c copy {2}", *parts, clip)
    decoded = decode(clip, policy, plan=True)
    assert decoded.index.interlaced
    assert max(_combing(frame.data, tmp_path) for frame in decoded.frames) < 40
    untouched = decode(parts[0], policy, plan=False)
    assert not untouched.index.interlaced
    before = [frame.data for frame in decoded.frames if frame.pts_seconds < 1.2]
    assert before == [frame.data for frame in untouched.frames][: len(before)]


def test_progressive_frames_of_a_stream_that_says_interlaced_are_not_touched(
    decode: Decode, tmp_path: Path
) -> None:
    fake = _PLAIN.replace("-g 10", "-g 10 -x264-params fake-interlaced=1")
    clip = _moving(tmp_path / "fake.mp4", fake, fields=",fps=25")
    plain = tmp_path / "plain.png"
    clips.ffmpeg("-i {0} -frames:v 1 -vf scale=out_range=full,format=rgb24 {1}", clip, plain)
    assert decode(clip, _PNG, plan=True).frames[0].data == plain.read_bytes()


def _clip_of_fields(folder: Path, ending: str) -> Path:
    frames = []
    for number in range(20):
        frame = np.full((256, 320), 40, np.uint8)
        for field in (0, 1):
            left = (2 * number + field) * 16 % 280
            frame[40 + field : 200 : 2, left : left + 40] = 200
        frames.append(frame)
    raw = folder / "raw.h264"
    raw.write_bytes(stream_of_fields(frames, 320, 256))
    clip = folder / f"clip.{ending}"
    clips.ffmpeg("-i {0} -c copy -bsf:v setts=ts=N/50/TB {1}", raw, clip)  # each field is a packet
    return clip


@pytest.mark.parametrize("strategy", ["uniform", "keyframe"])
@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_frames_of_two_field_pictures_have_no_combs(tmp_path: Path, ending: str, strategy: Strategy) -> None:
    policy = SamplingPolicy(image_format="png", interval_seconds=0.2, strategy=strategy)
    clip = _clip_of_fields(tmp_path, ending)
    raw = tmp_path / "frame.png"
    clips.ffmpeg("-ss 0.4 -i {0} -frames:v 1 {1}", clip, raw)
    assert _combing(raw.read_bytes(), tmp_path) > 1_000
    folder = tmp_path / "frames"
    manifest = extract_to_folder(clip, folder, policy, local_config())
    assert manifest.video.interlaced
    times = [0.0, 0.2, 0.4, 0.6] if strategy == "uniform" else [number / 25 for number in range(20)]
    assert [frame.pts_seconds for frame in manifest.frames] == pytest.approx(times)
    images = [(folder / frame.key).read_bytes() for frame in manifest.frames]
    assert max(_combing(image, tmp_path) for image in images) < 40
