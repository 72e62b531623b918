"""The language of layouts: text with fields in braces, such as ``{code}/{index:06d}.{ext}``. Pure.

Templates without `problems` give valid S3 keys, keep every video in a folder of its own, give every frame of
a video a name of its own, and leave the name of the manifest free.
"""

import re
from collections.abc import Iterator, Mapping
from string import Formatter
from typing import NamedTuple

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
FIELDS = _VIDEO_FIELDS | _FRAME_FIELDS
"""Every field, with the pattern of its format."""

_FIRST_FRAME_FIELD = re.compile(rf"\{{({'|'.join(_FRAME_FIELDS)})\b")

MAX_KEY_BYTES = 1024
"""What S3 takes."""


class Seconds(float):
    """Prints as people write it: 1, 0.5, 0.033333; never with an exponent."""

    def __format__(self, spec: str) -> str:
        return super().__format__(spec) if spec else f"{float(self):.6f}".rstrip("0").rstrip(".")


class _Part(NamedTuple):
    """Text, and the field after it; at the end there may be none."""

    literal: str
    field: str | None
    spec: str | None
    conversion: str | None


_LONGEST = {  # what the fields become at most
    "platform": "p" * 32,
    "code": "c" * 200,
    "video_id": "f" * 64,
    "interval": Seconds(86_399.999999),
    "ext": "webp",
    "index": 10**9,
    "number": 10**9,
    "slot": 10**9,
    "seconds": Seconds(1e9 + 0.123456),
    "pts_seconds": Seconds(1e9 + 0.123456),
}


def problems(template: str) -> Iterator[str]:
    """What is wrong with it, in words that follow its name and a colon."""
    try:
        parts = _parse(template)
    except ValueError as error:
        yield str(error)
        return
    if not fields(template):
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
        if field not in FIELDS:
            yield f"there is no field {{{field}}}"
        elif conversion or not FIELDS[field].fullmatch(spec or ""):
            yield f"the format of {{{field}}} must be {_ALLOWED_FORMATS[FIELDS[field]]}"


def _wrong_structure(template: str) -> Iterator[str]:
    """What is wrong as a whole, if each field is right."""
    folder, name = split(template)
    if not {"code", "video_id"} & fields(folder):
        yield "{code} or {video_id} must name a folder above all frames, to keep videos apart"
    if any(len(fields(segment)) > 1 for segment in folder.split("/")):
        yield "each folder above all frames takes one field, or two videos might share a folder"
    if "platform" in fields(name):
        yield "{platform} must name a folder above all frames, which falls away without one"
    if not {"index", "number", "slot"} & fields(name.rpartition("/")[2]):
        yield "{index}, {number} or {slot} must be in the file's name: times may round to the same"
    if _runs_numbers_together(name):
        yield "there must be more than digits between two numbers of a frame"
    if len(fill(template, _LONGEST).encode()) > MAX_KEY_BYTES:
        yield f"keys may become longer than {MAX_KEY_BYTES} bytes"


def _runs_numbers_together(name: str) -> bool:
    between = "start"
    for literal, field, _, _ in _parse(name):
        between += literal
        if field in _FRAME_FIELDS:
            if not between.strip("0123456789"):
                return True
            between = ""
    return False


def split(template: str) -> tuple[str, str]:
    """The longest folder that is the same for all frames, with its closing slash, and the rest."""
    found = _FIRST_FRAME_FIELD.search(template)
    cut = template.rfind("/", 0, found.start() if found else None) + 1
    return template[:cut], template[cut:]


def fill(template: str, values: Mapping[str, object]) -> str:
    """`template` with these fields printed; the others stay."""
    printed = ""
    for literal, field, spec, _ in _parse(template):
        printed += literal
        if field is not None:
            printed += format(values[field], spec or "") if field in values else f"{{{field}:{spec}}}"
    return printed


def fields(template: str) -> set[str]:
    """The names in braces."""
    return {part.field for part in _parse(template) if part.field}


def _parse(template: str) -> list[_Part]:
    """Raises `ValueError` for braces that do not pair."""
    return [_Part(*part) for part in Formatter().parse(template)]
