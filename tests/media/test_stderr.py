"""The log parser accepts messages of FFmpeg, and no texts of the video."""

import subprocess
from pathlib import Path

import pytest

from extractor.domain.policy import SamplingPolicy
from extractor.media.ffmpeg.binary import find_ffmpeg
from extractor.media.ffmpeg.log import FFmpegLog
from tests.support.media import clips
from tests.support.media.decoding import Decode

_TIME, _END = b"\x1b[0;37m15:32:31.505 \x1b[0m", b"\x1b[0m"
_ERROR, _WARNING = b"\x1b[1;31m", b"\x1b[0;33m"
_CONTEXT = b"\x1b[0;36m[h264 @ 0x557420b86440] \x1b[0m"

_FORGED = (
    "\nCannot allocate memory"
    "\n[error] Cannot allocate memory"
    "\n[fatal] Format not on whitelist"
    "\r[h264 @ 0x557420b86440] [error] get_buffer() failed"
    "\n[info]   Duration: 99:00:00.00, start: 9.000000, bitrate: 1 kb/s"
    "\n[info]   Stream #0:0: Video: hevc, yuv444p10le(tv, smpte2084, top first), 9x9"
    "\n15:32:31.505 [info]   Duration: 98:00:00.00, start: 9.000000, bitrate: 1 kb/s"
    "\n\x1b[0;37m15:32:31.505 \x1b[0m[info]   Duration: 97:00:00.00, start: 9.000000, bitrate: 1 kb/s"
    "\n\x1b[1;31m[error] \x1b[0m\x1b[1;31mCannot allocate memory\n\x1b[0m"
    "\n[info] Output #0\n    x"
)

_COUNTED_WORDS = (
    "partial file",
    "stream 0, offset 0x30: partial file",
    "File ended prematurely",
    "Picture size 9x9 exceeds specified max pixel count 80",
    "Format not on whitelist 'x'",
    "Codec 'h264' (27) is not supported by the bitstream filter 'filter_units'",
    "Error applying bitstream filters to a packet: x",
    "Estimating duration from bitrate",
    "Error submitting packet to decoder: x",
    "corrupt decoded frame",
    "Error reinitializing filters!",
    "get_buffer() failed",
    "x: Cannot allocate memory",
)
"""Messages from which something follows, if FFmpeg says them."""


def _own(level: bytes, text: bytes, colour: bytes = _ERROR, context: bytes = b"") -> bytes:
    return _TIME + context + colour + b"[" + level + b"] " + _END + colour + text + b"\n" + _END


def _parsed(*pieces: bytes) -> FFmpegLog:
    log = FFmpegLog()
    for piece in pieces:
        log.feed(piece)
    return log


def _forged(clip: Path, path: Path, key: bool) -> Path:
    """Make a clip with a tag whose key or value imitates messages of FFmpeg."""
    stand_in = "Q" * len(_FORGED)
    tag = f"{stand_in}=text" if key else f"comment={stand_in}"
    clips.ffmpeg(f"-i {{0}} -c copy -movflags use_metadata_tags -metadata {tag} {{1}}", clip, path)
    data = path.read_bytes()
    assert stand_in.encode() in data
    path.write_bytes(data.replace(stand_in.encode(), _FORGED.encode()))
    return path


@pytest.mark.failure_row(55)
@pytest.mark.parametrize("key", [False, True], ids=["value", "key"])
@pytest.mark.parametrize("container", ["mp4", "mov", "mkv", "flv", "avi"])
def test_no_text_of_a_video_is_taken_for_ffmpegs_own(
    decode: Decode, plain_clip: Path, tmp_path: Path, container: str, key: bool
) -> None:
    if key and container == "avi":
        pytest.skip("the keys of AVI have four letters")
    clip = _forged(plain_clip, tmp_path / f"forged.{container}", key)
    for policy in (SamplingPolicy(), SamplingPolicy(strategy="keyframe")):
        decoded, expected = decode(clip, policy, plan=True), decode(plain_clip, policy, plan=True)
        assert decoded.times == expected.times
        assert decoded.index.expected_seconds == pytest.approx(expected.index.expected_seconds, abs=0.1)
        assert decoded.index.pixel_format == expected.index.pixel_format
        assert not decoded.index.truncated


@pytest.mark.failure_row(55)
def test_ffmpeg_prints_no_escape_character_of_a_video(plain_clip: Path, tmp_path: Path) -> None:
    clip = _forged(plain_clip, tmp_path / "forged.mkv", key=True)
    argv = [find_ffmpeg(), "-loglevel", "level+repeat+time+info", "-i", str(clip)]
    printed = subprocess.run(argv, stderr=subprocess.PIPE, env={"AV_LOG_FORCE_COLOR": "1"}).stderr
    assert b"?[0;37m15:32:31.505 ?[0m[info]   Duration: 97" in printed
    log = _parsed(printed)
    assert [line for line in log.input_lines if "Duration" in line] == [
        line for line in log.input_lines if line.startswith("  Duration: 00:00:04")
    ]
    assert log.errors == ("At least one output file must be specified",)


def _with_doctype(clip: Path, path: Path, doctype: str) -> Path:
    """Make a Matroska file of an unknown document type, which FFmpeg quotes in a warning."""
    data = clip.read_bytes()
    assert data[4] >= 0x80, "the size of the header is in one byte"
    end = 5 + data[4] - 0x80
    text = b"matroska " + doctype.encode()
    header = data[5:end].replace(b"\x42\x82\x88matroska", b"\x42\x82" + bytes([0x80 + len(text)]) + text)
    path.write_bytes(data[:4] + b"\x01" + len(header).to_bytes(7, "big") + header + data[end:])
    return path


@pytest.mark.failure_row(55)
@pytest.mark.parametrize("words", _COUNTED_WORDS)
def test_a_text_of_the_video_that_a_message_quotes_is_no_message(
    decode: Decode, plain_clip: Path, tmp_path: Path, words: str
) -> None:
    clips.ffmpeg("-i {0} -c copy {1}", plain_clip, tmp_path / "clip.mkv")
    clip = _with_doctype(tmp_path / "clip.mkv", tmp_path / "hostile.mkv", words)
    warned = subprocess.run([find_ffmpeg(), "-i", str(clip)], stderr=subprocess.PIPE).stderr
    assert f"Unknown EBML doctype 'matroska {words}'".encode() in warned
    decoded = decode(clip, SamplingPolicy(image_format="png"), plan=True)
    assert decoded.times == decode(plain_clip).times
    assert decoded.index.order is not None
    assert not decoded.index.truncated


@pytest.mark.parametrize("words", _COUNTED_WORDS)
def test_words_in_the_middle_of_a_message_mean_nothing(words: str) -> None:
    log = _parsed(_own(b"warning", f"Unknown tag {words}".encode(), _WARNING))
    assert not log.matches(words.replace("(", ".").replace(")", "."))
    assert log.decode_errors == 0
    assert not log.out_of_memory


def test_an_error_is_kept_with_its_words_alone() -> None:
    log = _parsed(_own(b"error", b"get_buffer() failed", context=_CONTEXT))
    assert log.errors == ("get_buffer() failed",)
    assert log.has_errors()
    assert not _parsed(_own(b"warning", b"mmco: unref short failure", _WARNING)).has_errors()


def test_messages_may_come_in_any_pieces() -> None:
    whole = (
        _TIME + b"[info]   Duration: 00:00:02.00, start: 0.000000, bitrate: 1 kb/s\n"
        b"    : [info]   Duration: 09:00:00.00\n[error] forged\n"
        + _own(b"error", b"first", context=_CONTEXT)
        + _own(b"warning", b"second", _WARNING)
        + _TIME
        + b"[info] Stream mapping:\n"
    )
    expected = _parsed(whole)
    assert expected.input_lines == [
        "  Duration: 00:00:02.00, start: 0.000000, bitrate: 1 kb/s",
        "Stream mapping:",
    ]
    assert expected.errors == ("first", "second")
    for size in range(1, 40):
        log = _parsed(*(whole[start : start + size] for start in range(0, len(whole), size)))
        assert (log.input_lines, log.errors) == (expected.input_lines, expected.errors)


def test_a_text_that_an_error_quotes_is_made_printable_and_starts_no_message() -> None:
    log = _parsed(_own(b"error", b"unknown tag 'a\r\n[fatal] Cannot allocate memory\x7f'"))
    (text,) = log.errors
    assert text.isprintable()
    assert not log.out_of_memory


def test_all_that_describes_the_streams_is_a_fact() -> None:
    lines = [
        "Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'x':",
        "  Duration: 00:00:02.00, start: 0.000000, bitrate: 164 kb/s",
        "  Program 1 ",
        "  Stream group #0:0[0x1]: Timecode:",
        "    Stream #0:0[0x1]: Video: prores (4444), yuva444p12le, 64x96 (default)",
        "      Side data:",
        "        Display Matrix: rotation of -90.00 degrees",
        "        DOVI configuration record: version: 1.0, profile: 5, level: 1",
        "  Stream #0:1[0x2]: Video: h264",
    ]
    others = ["  Metadata:", "    title           : Stream #0:7: Video", "  libavutil      61.  1.102"]
    log = _parsed(*(_TIME + f"[info] {line}\n".encode() for line in (*others, *lines, *others)))
    assert log.input_lines == lines


def test_an_ffmpeg_that_prints_no_times_is_understood_too() -> None:
    log = _parsed(
        b"[info] ffmpeg version 7.0.2\n[info]   Duration: 00:00:02.00, start: 0\n"
        b"\x1b[1;31m[error] \x1b[0m\x1b[1;31mDecoding error: Invalid data\n\x1b[0m[error] forged\n"
    )
    assert len(log.input_lines) == 2
    assert log.errors == ("Decoding error: Invalid data",)


@pytest.mark.failure_row(26)
def test_only_before_ffmpegs_first_word_the_loader_is_believed() -> None:
    loader = b"ffmpeg: error while loading shared libraries: libc.so.6: failed to map segment\n"
    assert _parsed(loader).out_of_memory
    assert not _parsed(_TIME + b"[info] Stream mapping:\n", loader).out_of_memory
    assert not _parsed(_own(b"warning", b"anything", _WARNING), loader).errors[1:]


@pytest.mark.failure_row(26)
@pytest.mark.parametrize(
    "text",
    [
        "get_buffer() failed",
        "thread_get_buffer() failed",
        "Cannot allocate memory",
        "Error submitting packet to decoder: Cannot allocate memory",
        "Error while filtering: Cannot allocate memory",
        "Failed to allocate frame buffers",
        "Could not allocate picture",
        "Error allocating the output packet",
        "Memory allocation failed",
        "pthread_create() failed: Resource temporarily unavailable",
        "Task finished with error code: -12 (Cannot allocate memory)",
    ],
)
def test_every_way_to_want_memory_is_known(text: str) -> None:
    assert _parsed(_own(b"error", text.encode())).out_of_memory


@pytest.mark.parametrize(
    "text",
    [
        "Error during demuxing: Cannot allocate memory",
        "Error opening input: Cannot allocate memory",
        "Error opening input files: Cannot allocate memory",
        "Unknown/unsupported AVCodecID Cannot allocate memory.",
        "tag 'Failed to allocate' is not known",
    ],
)
def test_what_a_damaged_header_claims_is_no_want_of_memory(text: str) -> None:
    assert not _parsed(_own(b"error", text.encode())).out_of_memory


def test_a_refused_size_is_no_want_of_memory() -> None:
    log = _parsed(
        _own(b"error", b"Picture size 30000x30000 is invalid"), _own(b"error", b"get_buffer() failed")
    )
    assert not log.out_of_memory
