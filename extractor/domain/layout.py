"""Layouts: templates of frame keys, such as ``{code}/{index:06d}.{ext}``. Pure: no I/O.

Every layout that `parse_layout` accepts gives valid S3 keys, a separate folder for each video and a separate
key for each frame, and never the key of the manifest.
"""

import re
from collections.abc import Iterator, Mapping
from string import Formatter
from typing import NamedTuple

from msgspec import Struct

from extractor.domain.keys import MANIFEST_NAME, MAX_KEY_BYTES
from extractor.domain.output_options import AUDIO_STEM

LAYOUTS = {
    "default": "{platform}/{code}/{index:06d}.{ext}",
    "seconds": "{platform}/{code}/frames/{interval}sec/{slot}.{ext}",
    "flat": "{platform}/{code}/frames/{index}.{ext}",
    "timestamped": "{platform}/{code}/{number}_{seconds:.2f}.{ext}",
    "videosense": "frames/{video_id}/frame_{index:06d}.{ext}",
}
"""Templates by name."""

PLATFORMS = frozenset({"instagram", "tiktok", "youtube"})
"""Names of platforms. Under a layout with a platform folder, no video without a platform may have them."""

_TEXT = ""
_INTEGER = r"((0[1-9]\d?)?d)?"
_DECIMAL = r"((0[1-9]\d?)?(\.\d)?f)?"
_VIDEO_FIELDS = {"platform": _TEXT, "code": _TEXT, "video_id": _TEXT, "interval": _DECIMAL, "ext": _TEXT}
_FRAME_FIELDS = {
    "index": _INTEGER,
    "number": _INTEGER,
    "slot": _INTEGER,
    "seconds": _DECIMAL,
    "pts_seconds": _DECIMAL,
}
_ALLOWED_FORMATS = {_TEXT: "none", _INTEGER: "like {index:06d}", _DECIMAL: "like {seconds:.2f}"}
_FIELDS = _VIDEO_FIELDS | _FRAME_FIELDS  # with the pattern of their formats
_FIRST_FRAME_FIELD = rf"\{{({'|'.join(_FRAME_FIELDS)})\b"


class FrameKeys(Struct, frozen=True):
    """Keys of the frames of one video.

    Attributes:
        prefix: Their folder, with its closing slash.
        frame_template: The rest of the key, which has fields of a frame only.
    """

    prefix: str
    frame_template: str

    @property
    def manifest_key(self) -> str:
        """Key of the manifest."""
        return self.prefix + MANIFEST_NAME

    @property
    def is_flat(self) -> bool:
        """Whether all frames are in the folder itself. Objects in subfolders belong to other videos then."""
        return "/" not in self.frame_template

    def frame_key(self, index: int, slot: int, pts_seconds: float) -> str:
        """Return the key of a frame; for the arguments see `extractor.domain.frames.Frame`."""
        seconds = _Seconds(pts_seconds)
        values = {"index": index, "number": index + 1, "slot": slot}
        return self.prefix + self.frame_template.format(**values, seconds=seconds, pts_seconds=seconds)


class Layout(Struct, frozen=True):
    """A layout that `parse_layout` has accepted.

    Attributes:
        template: Its template.
    """

    template: str

    @property
    def needs_video_id(self) -> bool:
        """Whether keys contain the id of the video."""
        return "video_id" in _field_names(self.template)

    def frame_keys(
        self,
        *,
        code: str,
        platform: str | None,
        video_id: str | None,
        interval_seconds: float,
        extension: str,
    ) -> FrameKeys:
        """Return the keys of one video's frames.

        Args:
            code: Code of the video; matches `extractor.domain.keys.CODE_PATTERN`.
            platform: Platform of the video; ``None`` leaves out its folder.
            video_id: Id of the video; see `extractor.domain.keys.content_id`.
            interval_seconds: Interval between frames.
            extension: File extension of the frames.

        Raises:
            ValueError: The layout needs the id of the video and there is none, or the folder would be that
                of a whole platform.
        """
        if platform is None and code in PLATFORMS and "platform" in _field_names(self.template):
            raise ValueError(
                f"the code {code!r} needs a platform: without one, its folder is that of a platform"
            )
        if self.needs_video_id and video_id is None:
            raise ValueError(f"{self.template!r} needs the id of the video")
        values = {
            "platform": platform,
            "code": code,
            "video_id": video_id,
            "interval": _Seconds(interval_seconds),
            "ext": extension,
        }
        segments = self.template.split("/")
        kept = [
            segment for segment in segments if platform is not None or "platform" not in _field_names(segment)
        ]
        return FrameKeys(*_split(_fill("/".join(kept), values)))


def parse_layout(text: str) -> Layout:
    """Parse the name of a layout, or a template.

    Raises:
        ValueError: The template is invalid; the text says why, and what is allowed.
    """
    template = LAYOUTS.get(text, text)
    if problems := list(_problems(template)):
        raise ValueError(
            f"{text!r}: {'; '.join(problems)}. Allowed are {', '.join(LAYOUTS)}, and templates with the "
            f"fields {', '.join(_FIELDS)}"
        )
    return Layout(template)


class _Seconds(float):
    """Is printed without an exponent and without trailing zeros: 1, 0.5, 0.033333."""

    def __format__(self, spec: str) -> str:
        return super().__format__(spec) if spec else f"{float(self):.6f}".rstrip("0").rstrip(".")


class _Part(NamedTuple):
    """Text and the field after it; the last part may have no field."""

    literal: str
    field: str | None
    spec: str | None
    conversion: str | None


_LONGEST = {  # the longest values of the fields
    "platform": "p" * 32,
    "code": "c" * 200,
    "video_id": "f" * 64,
    "interval": _Seconds(86_399.999999),
    "ext": "webp",
    "index": 10**9,
    "number": 10**9,
    "slot": 10**9,
    "seconds": _Seconds(1e9 + 0.123456),
    "pts_seconds": _Seconds(1e9 + 0.123456),
}


def _problems(template: str) -> Iterator[str]:
    """Yield everything that is wrong with a template."""
    try:
        parts = _parse(template)
    except ValueError as error:
        yield str(error)
        return
    if not _field_names(template):
        yield "there is no layout of this name"
        return
    wrong = [*_wrong_text(template, parts), *_wrong_fields(parts)]
    yield from wrong or _wrong_structure(template)


def _wrong_text(template: str, parts: list[_Part]) -> Iterator[str]:
    if not template.isprintable() or any(set(part.literal) & set("{}") for part in parts):
        yield "only printable characters are allowed, and braces only around fields"
    if ".." in template or not {"", "."}.isdisjoint(template.split("/")):
        yield "it must not begin or end with a slash, nor contain '//', '..' or a folder '.'"


def _wrong_fields(parts: list[_Part]) -> Iterator[str]:
    for _, field, spec, conversion in parts:
        if field is None:
            continue
        if field not in _FIELDS:
            yield f"there is no field {{{field}}}"
        elif conversion or not re.fullmatch(_FIELDS[field], spec or ""):
            yield f"the format of {{{field}}} must be {_ALLOWED_FORMATS[_FIELDS[field]]}"


def _wrong_structure(template: str) -> Iterator[str]:
    """Yield what is wrong with a template whose fields are valid."""
    folder, name = _split(template)
    if not {"code", "video_id"} & _field_names(folder):
        yield "{code} or {video_id} must be in a folder above all frames, to keep videos apart"
    if any(len(_field_names(segment)) > 1 for segment in folder.split("/")):
        yield "each folder above all frames may have one field only, or two videos might share a folder"
    if "platform" in _field_names(name):
        yield "{platform} must be in a folder above all frames; videos without a platform leave it out"
    if not {"index", "number", "slot"} & _field_names(name.rpartition("/")[2]):
        yield "{index}, {number} or {slot} must be in the file name, since times may round to the same value"
    if name.rpartition("/")[2].startswith(f"{AUDIO_STEM}."):
        yield f"the file name must not begin with {AUDIO_STEM!r} and a dot, as that of the audio track does"
    if _has_adjacent_numbers(name):
        yield "more than digits must separate two numbers of a frame"
    if len(_fill(template, _LONGEST).encode()) > MAX_KEY_BYTES:
        yield f"keys may become longer than {MAX_KEY_BYTES} bytes"


def _has_adjacent_numbers(name: str) -> bool:
    between = "start"
    for literal, field, _, _ in _parse(name):
        between += literal
        if field in _FRAME_FIELDS:
            if not between.strip("0123456789"):
                return True
            between = ""
    return False


def _split(template: str) -> tuple[str, str]:
    """Return the folder that all frames share, with its closing slash, and the rest."""
    found = re.search(_FIRST_FRAME_FIELD, template)
    cut = template.rfind("/", 0, found.start() if found else None) + 1
    return template[:cut], template[cut:]


def _fill(template: str, values: Mapping[str, object]) -> str:
    """Replace the given fields and keep the others."""
    filled = ""
    for literal, field, spec, _ in _parse(template):
        filled += literal
        if field is not None:
            filled += format(values[field], spec or "") if field in values else f"{{{field}:{spec}}}"
    return filled


def _field_names(template: str) -> set[str]:
    return {part.field for part in _parse(template) if part.field}


def _parse(template: str) -> list[_Part]:
    """Raise `ValueError` for unbalanced braces."""
    return [_Part(*part) for part in Formatter().parse(template)]
