"""What FFmpeg says: the few facts that are worth keeping of an output that may be endless.

FFmpeg runs with ``-loglevel level+repeat+…``, so each line names its level. Memory is bounded,
whatever a hostile file makes FFmpeg print, and what is kept is printable.
"""

import re
from collections import deque

_MAX_LINE_BYTES = 2_000
_MAX_FACTS = 200
_MAX_ERRORS = 40

_FACT = re.compile(
    r"\[info\] (ffmpeg version |Input #|  Duration: | +Stream #0:| +Stream group #0:| +Display Matrix| +DOVI"
    r"|Stream mapping:|Output #0)"
)
_LEVEL = re.compile(r"(?:\[[^\]]* @ 0x[0-9a-f]+\] )*\[(?P<level>[a-z]+)\] (?P<text>.*)")
_DAMAGE = re.compile(r"Error submitting packet to decoder|Decoding error|corrupt decoded frame")
_MISSING_REFERENCE = re.compile(r"Could not find ref with POC|(?P<result>Error constructing the frame RPS)")
_GENERIC = re.compile(
    r"Error opening input files?\b|Error opening output|Error parsing options|Nothing was written"
    r"|Conversion failed|Task finished with error|Terminating thread|Error submitting packet|Decoding error"
    r"|Failed to set value|Guessed Channel Layout|deprecated pixel format"
    r"|Codec \(.*\) not on whitelist|Failed to open codec|Could not find codec parameters"
)


class Stderr:
    """Fed with raw bytes as they come.

    ``facts``: the lines that describe the input. ``decode_errors``: how many packets or frames the
    decoder reported as damaged. ``errors``: the distinct texts of errors and warnings, first and last ones.
    """

    def __init__(self) -> None:
        self.facts: list[str] = []
        self.decode_errors = 0
        self._complained = False
        self._missing_references = 0
        self._first_errors: list[str] = []
        self._last_errors: deque[str] = deque(maxlen=_MAX_ERRORS)
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes. A line longer than 2,000 bytes is cut there."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[:_MAX_LINE_BYTES]
        for line in lines:
            self._take(line[:_MAX_LINE_BYTES].decode("utf-8", "replace"))

    def _take(self, line: str) -> None:
        if _FACT.match(line):
            if len(self.facts) < _MAX_FACTS:
                self.facts.append(line.removeprefix("[info] "))
            return
        match = _LEVEL.match(line)
        if match is not None and match["level"] not in ("error", "fatal", "warning"):
            return
        text = _printable(match["text"] if match else line)  # without a level: not FFmpeg itself, the loader
        damage = bool(_DAMAGE.search(text))
        self.decode_errors += damage
        is_error = match is not None and match["level"] != "warning"
        if missing := _MISSING_REFERENCE.search(text):
            self._missing_references += missing["result"] is None
        else:
            self._complained |= damage or (is_error and not _GENERIC.search(text))
        if text not in self._first_errors and text not in self._last_errors:
            (self._first_errors if len(self._first_errors) < _MAX_ERRORS else self._last_errors).append(text)

    def complained(self, undecodable: int = 0) -> bool:
        """Whether anything specific was called an error; that sound is not decoded is none, nor that so many
        pictures of HEVC were `undecodable` since others were left out."""
        return self._complained or self._missing_references > undecodable

    @property
    def errors(self) -> tuple[str, ...]:
        return (*self._first_errors, *self._last_errors)

    def says(self, pattern: str) -> bool:
        """Whether any error or warning text matches the regular expression."""
        return any(re.search(pattern, text) for text in self.errors)

    @property
    def out_of_memory(self) -> bool:
        """Whether an allocation, or a thread for want of its stack, failed."""
        return self.says(
            r"Cannot allocate memory|Failed to allocate|Resource temporarily unavailable|failed to map"
        )

    @property
    def words(self) -> str:
        """FFmpeg's own words on what went wrong: the specific ones rather than the summing-up."""
        specific = [text for text in self.errors if not _GENERIC.search(text)] or list(self.errors)
        return "; ".join(specific[:2]) or "no message"


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)[:300]
