"""Store the audio track of a video beside its frames. Imported on demand."""

import errno
import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from msgspec import Struct

from extractor.domain.manifest import Extra
from extractor.domain.output_options import AUDIO_TYPES, AudioForm, audio_name
from extractor.errors import DecoderCrashedError, DecoderHungError, TooLargeError, UnreadableError
from extractor.media.decode.audio import AudioFile, write_audio
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.probe.video_index import VideoIndex
from extractor.output.frame_store import FrameStore

_PART_BYTES = 16 << 20


class StoredAudio(Struct, frozen=True):
    """The result for one video.

    Attributes:
        extras: The audio file, if there is one.
        notes: Why there is none, or what is wrong with it.
    """

    extras: tuple[Extra, ...] = ()
    notes: tuple[str, ...] = ()


def store_audio(
    source: DecoderInput,
    index: VideoIndex,
    form: AudioForm,
    budget: ProcessLimits,
    frame_store: FrameStore,
) -> StoredAudio:
    """Store the first audio track. What is wrong with it becomes a note: the frames are good without it.

    Args:
        source: The video.
        index: Its video stream.
        form: In which form the track is stored.
        budget: The limits of FFmpeg.
        frame_store: Where to store it. Nothing is stored before the track is complete.

    Raises:
        DeadlineError: The deadline passed.
        ConflictError: Another worker has written the file.
    """
    with ExitStack() as held:
        try:
            file = held.enter_context(_temporary_file(source.path.parent))
            # The times of a clock that jumps are no times of the audio.
            fills_gaps = not index.discontinuities
            audio = write_audio(source, form, budget, index.start_seconds, file, fills_gaps=fills_gaps)
            file.flush()  # here, and not while it is read
        except (DecoderCrashedError, DecoderHungError, TooLargeError, UnreadableError) as error:
            return StoredAudio(notes=(f"the audio track is not stored: {error}",))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return StoredAudio(notes=("the audio track is not stored: the disk is full",))
        if audio is None:
            return StoredAudio(notes=("the video has no audio track",))
        return StoredAudio((_stored(audio, file, frame_store),), tuple(_damage(audio)))


@contextmanager
def _temporary_file(folder: Path) -> Iterator[BinaryIO]:
    """Open a file on the disk of the video: memory does not hold hours of audio."""
    file = TemporaryFile(dir=folder)  # noqa: SIM115  # closed here
    try:
        yield file
    finally:
        with suppress(OSError):  # a full disk: closing writes what is left in the buffer
            file.close()


def _stored(audio: AudioFile, file: BinaryIO, frame_store: FrameStore) -> Extra:
    digest = hashlib.sha256()

    def parts() -> Iterator[bytes]:
        file.seek(0)
        while part := file.read(_PART_BYTES):
            digest.update(part)
            yield part

    name = audio_name(audio.extension)
    key, etag = frame_store.put_parts(name, parts(), AUDIO_TYPES[audio.extension])
    return Extra(key, file.tell(), digest.hexdigest(), etag, kind="audio", audio=audio.track)


def _damage(audio: AudioFile) -> Iterator[str]:
    if count := audio.decode_errors:
        yield f"the audio track is damaged ({count} errors): {audio.summary}"
