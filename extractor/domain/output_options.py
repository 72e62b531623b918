"""The forms in which the frames of a video are stored, and the names of the files stored beside them."""

import re
from string import ascii_lowercase
from typing import TYPE_CHECKING, Literal, get_args

from msgspec import Struct

WRITERS = {
    "frames": "extractor.output.writers:write_files",
    "tar": "extractor.output.tar:write_tar",
}
"""The registry of output forms: for each, ``module:function`` of its `extractor.output.writers.FrameWriter`.
The module is imported when the form is used."""

if TYPE_CHECKING:
    OutputForm = str
else:
    OutputForm = Literal[tuple(WRITERS)]

AudioForm = Literal["copy", "wav16k", "flac16k"]
"""``copy``: the packets of the video; the others: converted to 16 kHz, one channel, as WAV or FLAC."""
AUDIO_FORMS: tuple[AudioForm, ...] = get_args(AudioForm)

PARTIAL_RUN_NAME = "interim.json"
SLICE_STEM = "slice-"
CONTACT_SHEET_NAME = "contact-sheet.jpg"
THUMBNAIL_TRACK_NAME = "storyboard.vtt"
AUDIO_STEM = "audio"
AUDIO_TYPES = {
    "aac": "audio/aac",
    "flac": "audio/flac",
    "mka": "audio/matroska",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
}
"""The MIME type of an audio file, by its extension."""
_SPRITE_NAME = r"sprite-[a-z]\.jpg"
_SLICE_NAME = rf"{SLICE_STEM}[a-z-]+\.json"


class OutputOptions(Struct, frozen=True):
    """What is stored for a video.

    Attributes:
        form: ``frames`` (an object for each frame), or a form that packs all frames into one object.
        storyboard: Whether to add a contact sheet and a track of thumbnails.
        audio: In which form the audio track is stored; ``None`` if it is not stored.
    """

    form: OutputForm = "frames"
    storyboard: bool = False
    audio: AudioForm | None = None


def archive_name(form: OutputForm) -> str:
    """Return the file name of the object that holds all frames, in a form other than ``frames``."""
    return f"frames.{form}"


def archive_form(name: str) -> OutputForm | None:
    """Return the form of an archive by its key or file name; ``None`` if it is no archive."""
    form = name.rpartition(".")[2]
    return form if form in WRITERS and form != "frames" else None


def sprite_name(number: int) -> str:
    """Return the file name of a sprite sheet, counted from 0."""
    return f"sprite-{ascii_lowercase[number]}.jpg"


def audio_name(extension: str) -> str:
    """Return the file name of the audio track."""
    return f"{AUDIO_STEM}.{extension}"


def is_side_file(name: str) -> bool:
    """Return whether a file of this name is stored beside the frames of a video.

    No frame has such a name: none but ``audio.mp3`` has a digit, and no layout begins with ``audio.``.
    """
    from extractor.domain.keys import MANIFEST_NAME  # slow to import

    names = {MANIFEST_NAME, PARTIAL_RUN_NAME, CONTACT_SHEET_NAME, THUMBNAIL_TRACK_NAME}
    names |= set(map(audio_name, AUDIO_TYPES))
    form = archive_form(name)
    return (
        name in names
        or re.fullmatch(_SPRITE_NAME, name) is not None
        or re.fullmatch(_SLICE_NAME, name) is not None
        or (form is not None and name == archive_name(form))
    )
