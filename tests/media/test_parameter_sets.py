"""Parameter sets that change midway: whatever the plan leaves out, the frames are those of a full decode."""

import random
from pathlib import Path

import av
import pytest

from extractor.policy import SamplingPolicy
from tests.media import clips
from tests.media.decoding import Decode

_X264 = [
    "",
    "chroma-qp-offset=-6",
    "cabac=0",
    "8x8dct=0",
    "cqm=jvt",
    "weightp=0:ref=1",
    "deblock=3,3",
    "bframes=0",
    "crf=35:qpmin=20",
]
_X265 = [
    "",
    "cbqpoffs=-6:crqpoffs=6",
    "sign-hide=0",
    "scaling-list=default",
    "deblock=3,3",
    "no-sao=1",
    "bframes=0",
]
_CONTAINERS = {"h264": ["mp4", "mkv", "flv", "ts"], "hevc": ["mp4", "mkv", "ts"]}


def _part(path: Path, codec: str, options: str, number: int, *, repeats: bool) -> Path:
    """Two seconds with a keyframe at every second, as a raw stream."""
    encoder = "x264" if codec == "h264" else "x265"
    common = f"keyint=10:min-keyint=10:scenecut=0:repeat-headers={int(repeats)}"
    quiet = "" if codec == "h264" else ":log-level=none"
    clips.ffmpeg(
        f"-f lavfi -i testsrc2=size=96x64:rate=10 -vf hue=h={number * 50} -t 2 -pix_fmt yuv420p"
        f" -c:v lib{encoder} -preset veryfast"
        f" -{encoder}-params {':'.join(filter(None, (options, common)))}{quiet} {{0}}",
        path,
    )
    return path


def _stream(folder: Path, codec: str, seed: int) -> Path:
    """Parts after one another, each with its own parameter sets, which come again at none of its packets, at
    the first of them or at each keyframe."""
    chance = random.Random(seed)
    options = _X264 if codec == "h264" else _X265
    container = _CONTAINERS[codec][seed % len(_CONTAINERS[codec])]
    way = chance.choice(["in band", "entries"]) if container in ("mp4", "mkv") else "in band"
    parts = [
        _part(
            folder / f"{number}.{codec}", codec, chance.choice(options), number, repeats=chance.random() < 0.5
        )
        for number in range(3)
    ]
    clip = folder / f"clip.{container}"
    if way == "in band":
        joined = folder / f"joined.{codec}"
        joined.write_bytes(b"".join(part.read_bytes() for part in parts))
        ordered = folder / "ordered.mkv"  # gives every packet its time
        stamps = "setts=ts=N/10/TB"
        clips.ffmpeg(f"-r 10 -i {{0}} -c copy -bsf:v {stamps} {{1}}", joined, ordered)
        clips.ffmpeg("-i {0} -c copy {1}", ordered, clip)
        return clip
    wrapped = []
    for number, part in enumerate(parts):
        wrapped.append(folder / f"{number}.mp4")
        clips.ffmpeg("-r 10 -i {0} -c copy {1}", part, wrapped[-1])
    script = folder / "list"
    script.write_text("".join(f"file '{part}'\n" for part in wrapped))
    clips.ffmpeg("-f concat -safe 0 -i {0} -c copy {1}", script, clip)
    return clip


def _pictures(clip: Path) -> list[bytes]:
    """Grey levels of all pictures, by another reader."""
    with av.open(str(clip)) as container:
        return [frame.to_ndarray(format="gray").tobytes() for frame in container.decode(video=0)]


@pytest.mark.failure_row(52)
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_changing_parameter_sets_give_the_frames_of_a_full_decode(
    decode: Decode, tmp_path: Path, codec: str, seed: int
) -> None:
    clip = _stream(tmp_path, codec, seed)
    moments = tuple(sorted(random.Random(seed).sample([number / 10 for number in range(60)], 6)))
    for policy in (
        SamplingPolicy(strategy="timestamps", timestamps_seconds=moments, image_format="png"),
        SamplingPolicy(strategy="keyframe", image_format="png"),
        SamplingPolicy(interval_seconds=2.5, image_format="png"),
    ):
        full = decode(clip, policy)
        planned = decode(clip, policy, plan=True)
        assert planned.times == full.times
        assert [frame.data for frame in planned.frames] == [frame.data for frame in full.frames]
