"""If parameter sets change within the stream, a planned decode still yields the frames of a full decode."""

import io
import random
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest

from extractor.domain.policy import SamplingPolicy
from tests.media.sample_entries import joined_mp4, raw_with_sets_once, with_sets_once
from tests.support.media import clips
from tests.support.media.decoding import Decode

_X264 = [
    "",
    "chroma-qp-offset=-6",
    "cabac=0",
    "8x8dct=0",
    "cqm=jvt",
    "weightp=0:ref=1",
    "deblock=3,3",
    "crf=35:qpmin=20",
]
_X265 = [
    "",
    "cbqpoffs=-6:crqpoffs=6",
    "sign-hide=0",
    "scaling-list=default",
    "deblock=3,3",
    "no-sao=1",
]
_CONTAINERS = {"h264": ["mp4", "mkv", "flv", "ts"], "hevc": ["mp4", "mkv", "ts"]}


_SETS = {"h264": (0x1F, 0, {7, 8}), "hevc": (0x3F, 1, {32, 33, 34})}


def _part(path: Path, codec: str, options: str, number: int) -> Path:
    """Make two seconds with a keyframe every second."""
    encoder = "x264" if codec == "h264" else "x265"
    closed = "" if codec == "h264" else "log-level=none:no-open-gop=1"
    # Without reordering, times can be given by counting.
    chosen = [options, "keyint=10:min-keyint=10:scenecut=0:bframes=0", closed]
    clips.ffmpeg(
        f"-f lavfi -i testsrc2=size=96x64:rate=10 -vf hue=h={number * 50} -t 2 -pix_fmt yuv420p"
        f" -c:v lib{encoder} -preset veryfast -{encoder}-params {':'.join(filter(None, chosen))} {{0}}",
        path,
    )
    return path


def _is_set(codec: str, first_byte: int) -> bool:
    mask, shift, kinds = _SETS[codec]
    return (first_byte >> shift) & mask in kinds


def _stream(folder: Path, codec: str, seed: int) -> Path:
    """Join parts with different parameter sets: in sample entries, or in band, once or at each keyframe."""
    chance = random.Random(seed)
    container = _CONTAINERS[codec][seed % len(_CONTAINERS[codec])]
    options = chance.sample(_X264 if codec == "h264" else _X265, 3)
    clip = folder / f"clip.{container}"
    script = folder / "list"
    if container == "mp4" and chance.random() < 0.5:
        files = [_part(folder / f"{n}.mp4", codec, text, n) for n, text in enumerate(options)]
        clip.write_bytes(joined_mp4([file.read_bytes() for file in files]))
        return clip
    if container == "mp4" and codec == "h264" and chance.random() < 0.5:
        parts = [_part(folder / f"{n}.mp4", codec, text, n) for n, text in enumerate(options)]
        script.write_text("".join(f"file '{part}'\n" for part in parts))
        clips.ffmpeg("-f concat -safe 0 -i {0} -c copy {1}", script, clip)
        return clip
    parts = [_part(folder / f"{n}.{codec}", codec, text, n) for n, text in enumerate(options)]
    joined = folder / f"joined.{codec}"
    # The muxer for TS puts the first sets before every keyframe that has none.
    once = container != "ts" and chance.random() < 0.7
    joined.write_bytes(
        b"".join(
            raw_with_sets_once(part.read_bytes(), partial(_is_set, codec)) if once else part.read_bytes()
            for part in parts
        )
    )
    clips.ffmpeg("-r 10 -i {0} -c copy -bsf:v setts=ts=N/10/TB {1}", joined, clip)
    if container == "ts" and chance.random() < 0.5:
        clip.write_bytes(with_sets_once(clip.read_bytes(), codec, partial(_is_set, codec)))
    return clip


def _pictures(source: Path | io.BytesIO) -> list[np.ndarray]:
    """Return all frames, decoded by PyAV."""
    with av.open(source if isinstance(source, io.BytesIO) else str(source)) as container:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]


@pytest.mark.failure_row(52)
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_changing_parameter_sets_give_the_frames_of_a_full_decode(
    decode: Decode, tmp_path: Path, codec: str, seed: int
) -> None:
    clip = _stream(tmp_path, codec, seed)
    moments = tuple(sorted(random.Random(seed).sample([number / 10 for number in range(60)], 6)))
    expected = _pictures(clip)
    assert len(expected) == 60
    for policy in (
        SamplingPolicy(strategy="timestamps", timestamps_seconds=moments, image_format="png"),
        SamplingPolicy(strategy="keyframe", image_format="png"),
        SamplingPolicy(interval_seconds=2.5, image_format="png"),
    ):
        full = decode(clip, policy)
        for frame in full.frames:
            (made,) = _pictures(io.BytesIO(frame.data))
            assert np.abs(made - expected[round(frame.pts_seconds * 10)]).mean() < 2
        planned = decode(clip, policy, plan=True)
        assert planned.times == full.times
        assert [frame.data for frame in planned.frames] == [frame.data for frame in full.frames]
