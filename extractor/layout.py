"""How frames are named: a template, checked once at start, that becomes the keys of each video. Pure.

Whatever passes `parse_layout` gives valid S3 keys, keeps every video in a folder of its own, gives every
frame of a video a name of its own, and leaves the name of the manifest free.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import NamedTuple

from extractor.keys import MANIFEST_NAME

LAYOUTS = {
    "default": "{platform}/{code}/{index:06d}.{ext}",
    "seconds": "{platform}/{code}/frames/{interval}sec/{slot}.{ext}",
    "flat": "{platform}/{code}/frames/{index}.{ext}",
    "timestamped": "{platform}/{code}/{number}_{seconds:.2f}.{ext}",
    "videosense": "frames/{video_id}/frame_{index:06d}.{ext}",
}

_TEXT = re.compile("")
_INTEGER = re.compile(r"((0[1-9]\d?)?d)?")
_DECIMAL = re.compile(r"((0[1-9]\d?)?(\.\d)?f)?")
_VIDEO_FIELDS = {"platform": _TEXT, "code": _TEXT, "video_id": _TEXT, "interval": _DECIMAL, "ext": _TEXT}
_FRAME_FIELDS = {
    "index": _INTEGER,
    "number": _INTEGER,
    "slot": _INTEGER,
    "seconds": _DECIMAL,
    "pts_seconds": _DECIMAL,
}
_ALLOWED_FORMATS = {_TEXT: "none", _INTEGER: "like {index:06d}", _DECIMAL: "like {seconds:.2f}"}
_FORMATS = _VIDEO_FIELDS | _FRAME_FIELDS
_FIRST_FRAME_FIELD = re.compile(rf"\{{({'|'.join(_FRAME_FIELDS)})\b")

_MAX_KEY_BYTES = 1024


class _Seconds(float):
    """Prints as people write it: 1, 0.5, 0.033333; never with an exponent."""

    def __format__(self, spec: str) -> str:
        return super().__format__(spec) if spec else f"{float(self):.6f}".rstrip("0").rstrip(".")


class _Part(NamedTuple):
    """Text, and the field after it; at the end there may be none."""

    literal: str
    field: str | None
    spec: str | None
    conversion: str | None


@dataclass(frozen=True, slots=True)
class Naming:
    """How the frames of one video are called: `prefix` is their folder, with its closing slash, and
    `frame_template` the rest, in which only the fields of a frame are left."""

    prefix: str
    frame_template: str

    @property
    def manifest_key(self) -> str:
        return self.prefix + MANIFEST_NAME

    def frame_key(self, index: int, slot: int, pts_seconds: float) -> str:
        """The key of a frame; see `extractor.models.Frame` for what the three are."""
        seconds = _Seconds(pts_seconds)
        values = {"index": index, "number": index + 1, "slot": slot}
        return self.prefix + self.frame_template.format(**values, seconds=seconds, pts_seconds=seconds)


@dataclass(frozen=True, slots=True)
class Layout:
    """A template that `parse_layout` has checked."""

    template: str

    @property
    def needs_video_id(self) -> bool:
        return "video_id" in _fields(self.template)

    def naming(
        self,
        *,
        code: str,
        platform: str | None,
        video_id: str | None,
        interval_seconds: float,
        extension: str,
    ) -> Naming:
        """The names of one video's frames. Without a platform, its folder falls away.

        `code` and `platform` fit the patterns of `extractor.keys`. Raises `ValueError` if the layout
        `needs_video_id` and there is none.
        """
        if self.needs_video_id and video_id is None:
            raise ValueError(f"{self.template!r} needs the video's id")
        values = {
            "platform": platform,
            "code": code,
            "video_id": video_id,
            "interval": _Seconds(interval_seconds),
            "ext": extension,
        }
        segments = self.template.split("/")
        kept = [segment for segment in segments if platform is not None or "platform" not in _fields(segment)]
        return Naming(*_split(_fill("/".join(kept), values)))


def parse_layout(text: str) -> Layout:
    """The layout that `text` names, or the template that it is.

    Raises `ValueError` that says what is wrong with it, and what is allowed.
    """
    template = LAYOUTS.get(text, text)
    if problems := list(_problems(template)):
        raise ValueError(
            f"{text!r}: {'; '.join(problems)}. Allowed are {', '.join(LAYOUTS)}, and templates of the fields "
            f"{', '.join(_FORMATS)}"
        )
    return Layout(template)


def _problems(template: str) -> Iterator[str]:
    try:
        parts = _parse(template)
    except ValueError as error:
        yield str(error)
        return
    if not _fields(template):
        yield "there is no layout of this name"
        return
    wrong = [*_wrong_text(template, parts), *_wrong_fields(parts)]
    yield from wrong or _wrong_structure(template)


def _wrong_text(template: str, parts: list[_Part]) -> Iterator[str]:
    if not template.isprintable() or any(set(part.literal) & set("{}") for part in parts):
        yield "it may have printable characters only, and braces around fields only"
    if ".." in template or not {"", "."}.isdisjoint(template.split("/")):
        yield "it may not begin or end with a slash, nor have '//', '..' or a folder '.'"


def _wrong_fields(parts: list[_Part]) -> Iterator[str]:
    for _, field, spec, conversion in parts:
        if field is None:
            continue
        if field not in _FORMATS:
            yield f"there is no field {{{field}}}"
        elif conversion or not _FORMATS[field].fullmatch(spec or ""):
            yield f"the format of {{{field}}} must be {_ALLOWED_FORMATS[_FORMATS[field]]}"


def _wrong_structure(template: str) -> Iterator[str]:
    """What is wrong as a whole, if each field is right."""
    folder, name = _split(template)
    if not {"code", "video_id"} & _fields(folder):
        yield "{code} or {video_id} must name a folder above all frames, to keep videos apart"
    if any(len(_fields(segment)) > 1 for segment in folder.split("/")):
        yield "each folder above all frames takes one field, or two videos might share a folder"
    if "platform" in _fields(name):
        yield "{platform} must name a folder above all frames, which falls away without one"
    if not {"index", "number", "slot"} & _fields(name.rpartition("/")[2]):
        yield "{index}, {number} or {slot} must be in the file's name: times may round to the same"
    if _runs_numbers_together(name):
        yield "there must be more than digits between two numbers of a frame"
    if len(_longest_key(template).encode()) > _MAX_KEY_BYTES:
        yield f"keys may become longer than {_MAX_KEY_BYTES} bytes"


def _runs_numbers_together(name: str) -> bool:
    between = "start"
    for literal, field, _, _ in _parse(name):
        between += literal
        if field in _FRAME_FIELDS:
            if not between.strip("0123456789"):
                return True
            between = ""
    return False


def _longest_key(template: str) -> str:
    naming = Layout(template).naming(
        code="c" * 200, platform="p" * 32, video_id="f" * 64, interval_seconds=86_399.999999, extension="webp"
    )
    return naming.frame_key(10**9, 10**9, 1e9 + 0.123456)


def _split(template: str) -> tuple[str, str]:
    """The longest folder that is the same for all frames, with its closing slash, and the rest."""
    found = _FIRST_FRAME_FIELD.search(template)
    cut = template.rfind("/", 0, found.start() if found else None) + 1
    return template[:cut], template[cut:]


def _fill(template: str, values: Mapping[str, object]) -> str:
    """`template` with these fields printed; the others stay."""
    printed = ""
    for literal, field, spec, _ in _parse(template):
        printed += literal
        if field is not None:
            printed += format(values[field], spec or "") if field in values else f"{{{field}:{spec}}}"
    return printed


def _fields(template: str) -> set[str]:
    return {part.field for part in _parse(template) if part.field}


def _parse(template: str) -> list[_Part]:
    """Raises `ValueError` for braces that do not pair."""
    return [_Part(*part) for part in Formatter().parse(template)]
