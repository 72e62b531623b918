"""Copy or convert the first audio track of a video, in a run of FFmpeg of its own."""

import wave
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import BinaryIO, Final

from msgspec import Struct

from extractor.domain.manifest import AudioTrack
from extractor.domain.output_options import AudioForm
from extractor.errors import DecoderCrashedError, ExtractorError, TooLargeError, UnreadableError
from extractor.media.ffmpeg import audio_command
from extractor.media.ffmpeg.audio_command import SAMPLE_RATE
from extractor.media.ffmpeg.audio_times import AudioFrames, AudioPackets
from extractor.media.ffmpeg.command import Urls
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.process import FFmpegProcess, run_ffmpeg

MAX_BYTES: Final = 512 << 20
"""The maximum size of an audio file: 4.6 hours of ``wav16k``."""

_SAMPLE_BYTES: Final = 2
_NO_TRACK: Final = r"Stream map .* matches no streams"


class _Format(Struct, frozen=True):
    """A format that FFmpeg can write to a pipe."""

    extension: str
    muxer: str


_OGG = _Format("ogg", "ogg")
_COPIES: Final = {
    "aac": _Format("aac", "adts"),
    "mp3": _Format("mp3", "mp3"),
    "opus": _OGG,
    "vorbis": _OGG,
    "flac": _OGG,
}
_OTHER_COPIES: Final = _Format("mka", "matroska")


class AudioFile(Struct, frozen=True):
    """A finished audio file.

    Attributes:
        extension: The extension of its name.
        track: What it holds.
        decode_errors: How many errors the decoder reported.
        summary: The first of them.
    """

    extension: str
    track: AudioTrack
    decode_errors: int = 0
    summary: str = ""


def write_audio(
    source: DecoderInput,
    form: AudioForm,
    budget: ProcessLimits,
    video_start_seconds: float,
    file: BinaryIO,
    *,
    fills_gaps: bool = True,
) -> AudioFile | None:
    """Write the first audio track to a file.

    Args:
        source: The video.
        form: In which form.
        budget: The limits of each run of FFmpeg.
        video_start_seconds: The timestamp of the first frame of the video.
        file: An empty file that can be read as well.
        fills_gaps: Whether gaps between the timestamps become silence when the audio is converted.

    Returns:
        What was written; ``None`` if the video has no audio track.

    Raises:
        DeadlineError: The deadline passed.
        DecoderCrashedError: A signal ended FFmpeg.
        DecoderHungError: FFmpeg is hung.
        TooLargeError: The file would have more than `MAX_BYTES`.
        UnreadableError: The track cannot be copied or decoded.
    """
    codec = _probe(source, budget)
    if codec is None:
        return None
    if form == "copy":
        return _copy(source, codec, budget, video_start_seconds, file)
    return _convert(source, form, budget, video_start_seconds, file, fills_gaps=fills_gaps)


def _probe(source: DecoderInput, budget: ProcessLimits) -> str | None:
    """Return the codec of the track; ``None`` if there is no track."""
    packets = AudioPackets()
    with run_ffmpeg(lambda _: audio_command.build_probe(source), (), budget) as child:
        child.feed_all({"stdout": packets.feed})
        status = child.wait()
    if not packets.codec and not child.stderr.matches(_NO_TRACK):
        raise _error(status, child)
    return packets.codec or None


def _copy(
    source: DecoderInput, codec: str, budget: ProcessLimits, video_start: float, file: BinaryIO
) -> AudioFile:
    written, packets = _COPIES.get(codec, _OTHER_COPIES), AudioPackets()

    def build(urls: Urls) -> Sequence[str]:
        return audio_command.build_copy(source, urls, written.muxer)

    with run_ffmpeg(build, ["times"], budget) as child:
        child.feed_all({"stdout": _limited(file.write), "times": packets.feed})
        status = child.wait()
    if status != 0 or packets.start is None or packets.end is None:
        raise _error(status, child)
    track = AudioTrack(
        packets.codec,
        packets.sample_rate,
        packets.channels,
        round(float(packets.end - packets.start), 6),
        round(float(packets.start) - video_start, 6),
    )
    return AudioFile(written.extension, track)


def _convert(
    source: DecoderInput,
    form: AudioForm,
    budget: ProcessLimits,
    video_start: float,
    file: BinaryIO,
    *,
    fills_gaps: bool,
) -> AudioFile:
    is_wav, frames = form == "wav16k", AudioFrames()
    codec, muxer = ("pcm_s16le", "s16le") if is_wav else ("flac", "flac")

    def build(urls: Urls) -> Sequence[str]:
        return audio_command.build_conversion(source, urls, codec, muxer, fills_gaps=fills_gaps)

    def run(write: Callable[[bytes], object]) -> int:
        child.feed_all({"stdout": _limited(write), "times": frames.feed})
        return child.wait()

    with run_ffmpeg(build, ["times"], budget) as child:
        if is_wav:
            # FFmpeg cannot write the length into the header of a pipe: the module does, at the end.
            with closing(wave.open(file, "wb")) as samples:
                samples.setparams((1, _SAMPLE_BYTES, SAMPLE_RATE, 0, "NONE", ""))
                status = run(samples.writeframesraw)
        else:
            status = run(file.write)
    if status != 0 or frames.start is None:
        raise _error(status, child)
    track = AudioTrack(
        codec,
        SAMPLE_RATE,
        1,
        round(frames.samples / SAMPLE_RATE, 6),
        round(float(frames.start) - video_start, 6),
    )
    return AudioFile(form.removesuffix("16k"), track, child.stderr.decode_errors, child.stderr.summary)


def _error(status: int, child: FFmpegProcess) -> ExtractorError:
    """Return why a run of FFmpeg gave no audio file."""
    if status < 0:
        return DecoderCrashedError(f"FFmpeg was killed by signal {-status}: {child.stderr.summary}")
    return UnreadableError(child.stderr.summary)


def _limited(write: Callable[[bytes], object]) -> Callable[[bytes], None]:
    """Return a function that writes, and raises `TooLargeError` beyond `MAX_BYTES`."""
    size_bytes = 0

    def write_some(data: bytes) -> None:
        nonlocal size_bytes
        size_bytes += len(data)
        if size_bytes > MAX_BYTES:
            raise TooLargeError(f"it has more than {MAX_BYTES >> 20} MiB")
        write(data)

    return write_some
