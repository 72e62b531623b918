"""A truncated file is refused, in every container that shows it; a file with a too long duration in its
header is not."""

from pathlib import Path

import pytest

from extractor import errors
from extractor.media.probe.truncation import is_truncated
from tests.support.media import clips
from tests.support.media.decoding import Decode

_H264 = "-c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p"
_FORMATS = {
    "mp4": f"{_H264} -movflags +faststart -f mp4",
    "fragmented.mp4": f"{_H264} -movflags frag_keyframe+empty_moov -f mp4",
    "mov": f"{_H264} -movflags +faststart -f mov",
    "mkv": f"{_H264} -f matroska",
    "live.mkv": f"{_H264} -f matroska -live 1",
    "webm": "-c:v libvpx -deadline realtime -cpu-used 8 -f webm",
    "ts": f"{_H264} -f mpegts",
    "m2ts": f"{_H264} -f mpegts -mpegts_m2ts_mode 1",
    "flv": f"{_H264} -f flv",
    "avi": "-c:v mpeg4 -f avi",
    "asf": "-c:v wmv2 -f asf",
    "ivf": "-c:v libvpx -deadline realtime -cpu-used 8 -f ivf",
    "ogv": "-c:v libtheora -f ogg",
}


@pytest.fixture(scope="session", params=_FORMATS, ids=str)
def whole(request: pytest.FixtureRequest, clip_dir: Path) -> Path:
    path = clip_dir / f"whole.{request.param}"
    if not path.exists():
        clips.ffmpeg(
            f"-f lavfi -i testsrc2=size=160x120:rate=25:duration=8 {_FORMATS[request.param]} {{0}}", path
        )
    return path


def test_a_whole_file_is_not_cut_off(decode: Decode, whole: Path) -> None:
    decoded = decode(whole)
    assert not decoded.index.truncated
    assert decoded.index.unread_bytes == 0
    assert len(decoded.frames) == 8


@pytest.mark.failure_row(15)
@pytest.mark.parametrize("cut", [0.35, 0.8, 0.99, -1])
def test_a_file_that_was_cut_off_is_refused(decode: Decode, whole: Path, tmp_path: Path, cut: float) -> None:
    """Cut at shares of its size, and one byte before its end unless that is padding or an index."""
    data = whole.read_bytes()
    size = len(data) - 1 if cut < 0 else int(len(data) * cut)
    if "ts" in whole.suffix and size % 188 == 0:
        size -= 1
    path = tmp_path / "source"
    path.write_bytes(data[:size])
    with pytest.raises(errors.TruncatedError):
        decode(path)


@pytest.mark.parametrize(
    "junk",
    [b"\0" * 1000, b"made by a tool\n", bytes(range(256)) * 3, b"\x09" + b"\xf0" * 1000],
    ids=["zeros", "text", "bytes", "like a tag of FLV"],
)
@pytest.mark.parametrize("name", ["mp4", "mkv", "ts", "flv", "avi", "ivf"])
def test_what_follows_a_whole_file_does_not_make_it_cut_off(
    clip_dir: Path, tmp_path: Path, name: str, junk: bytes
) -> None:
    path = clip_dir / f"whole.{name}"
    if not path.exists():
        clips.ffmpeg(f"-f lavfi -i testsrc2=size=160x120:rate=25:duration=8 {_FORMATS[name]} {{0}}", path)
    longer = tmp_path / "longer"
    longer.write_bytes(path.read_bytes() + junk)
    container = {"mp4": "mov,mp4", "mkv": "matroska,webm", "ts": "mpegts"}.get(name, name)
    if name == "ivf" and any(junk):
        pytest.skip("in IVF, anything may be the header of a frame")
    assert not is_truncated(longer, container)


@pytest.mark.failure_row(15)
@pytest.mark.parametrize(("size", "pixels"), [("720x576", "yuv420p"), ("720x480", "yuv411p")])
def test_dv_that_ends_in_the_middle_of_a_frame_is_refused(
    decode: Decode, tmp_path: Path, size: str, pixels: str
) -> None:
    rate = "25" if size == "720x576" else "30000/1001"
    clip = tmp_path / "clip.dv"
    clips.ffmpeg(
        f"-f lavfi -i testsrc2=size={size}:rate={rate} -frames:v 6 -c:v dvvideo -pix_fmt {pixels} {{0}}", clip
    )
    assert len(decode(clip).frames) == 1
    clip.write_bytes(clip.read_bytes()[:-1_000])
    with pytest.raises(errors.TruncatedError):
        decode(clip)


@pytest.mark.failure_row(56)
def test_a_duration_in_the_metadata_of_flv_is_no_evidence(decode: Decode, clip_dir: Path) -> None:
    path = clip_dir / "claims.flv"
    clips.ffmpeg(f"-f lavfi -i testsrc2=size=160x120:rate=25:duration=5 {_H264} {{0}}", path)
    data = bytearray(path.read_bytes())
    position = data.index(b"duration") + len(b"duration") + 1
    data[position : position + 8] = bytes.fromhex("40ac200000000000")  # 3600.0
    path.write_bytes(data)
    decoded = decode(path)
    assert len(decoded.frames) == 5
    assert not decoded.index.truncated
    assert decoded.index.claimed_seconds == pytest.approx(3600, abs=1)


@pytest.mark.failure_row(56)
def test_a_duration_in_the_header_of_webm_is_no_evidence(decode: Decode, clip_dir: Path) -> None:
    path = clip_dir / "claims.webm"
    clips.ffmpeg(
        "-f lavfi -i testsrc2=size=160x120:rate=25:duration=5 -c:v libvpx -deadline realtime -cpu-used 8 {0}",
        path,
    )
    data = bytearray(path.read_bytes())
    position = data.index(b"\x44\x89\x88") + 3
    data[position : position + 8] = bytes.fromhex("40ed4c0000000000")  # 60,000.0 ms
    path.write_bytes(data)
    decoded = decode(path)
    assert len(decoded.frames) == 5
    assert decoded.index.claimed_seconds == pytest.approx(60, abs=1)


@pytest.mark.parametrize("ending", ["mp4", "flv", "asf", "mkv"])
def test_a_timeline_that_starts_late_is_not_cut_off(decode: Decode, clip_dir: Path, ending: str) -> None:
    path = clip_dir / f"late.{ending}"
    codec = "-c:v wmv2" if ending == "asf" else _H264
    muxing = "-movflags frag_keyframe+empty_moov+default_base_moof -use_editlist 0" if ending == "mp4" else ""
    clips.ffmpeg(
        f"-f lavfi -i testsrc2=size=160x120:rate=25:duration=4 {codec} {muxing} -output_ts_offset 300 {{0}}",
        path,
    )
    decoded = decode(path)
    assert decoded.times == [(slot, float(slot)) for slot in range(4)]
    assert decoded.index.claimed_seconds is None


def test_fragments_from_the_middle_of_a_stream_are_not_cut_off(
    decode: Decode, clip_dir: Path, tmp_path: Path
) -> None:
    """An init segment, and media segments from the fifth second on."""
    path = clip_dir / "dash.mp4"
    clips.ffmpeg(
        f"-f lavfi -i testsrc2=size=160x120:rate=25:duration=9 {_H264}"
        " -movflags frag_keyframe+empty_moov+default_base_moof {0}",
        path,
    )
    data = path.read_bytes()
    fragments = [position - 4 for position in range(len(data)) if data[position : position + 4] == b"moof"]
    later = tmp_path / "later"
    later.write_bytes(data[: fragments[0]] + data[fragments[5] :])
    assert decode(later).times == [(slot, float(slot)) for slot in range(4)]


@pytest.mark.parametrize(
    ("ending", "encoded"),
    [("avi", "-c:v mpeg4 -bf 2 -c:a mp2"), ("vob", "-c:v mpeg2video -bf 2 -c:a mp2")],
)
def test_sound_that_outlasts_pictures_without_presentation_times_is_no_evidence(
    decode: Decode, tmp_path: Path, ending: str, encoded: str
) -> None:
    clip = tmp_path / f"clip.{ending}"
    pictures = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=4 -f lavfi -i sine=duration=8"
    clips.ffmpeg(f"{pictures} {encoded} {{0}}", clip)
    decoded = decode(clip)
    assert [frame.pts_seconds for frame in decoded.frames] == pytest.approx([0, 1, 2, 3])
    assert decoded.index.duration_seconds == pytest.approx(4)
