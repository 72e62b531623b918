"""What FFmpeg says: the few facts that are worth keeping of an output that may be endless.

FFmpeg prints texts of the video among its own: tags, names, chapters. Only its own lines count here. It runs
with ``-loglevel level+repeat+time+…`` and ``AV_LOG_FORCE_COLOR``, so each message begins with the time, its
contexts and its level, and escape sequences colour the time and all of an error or warning. FFmpeg replaces
the escape character in all texts (``sanitize`` in libavutil/log.c), so a video cannot forge them. An FFmpeg
that prints no times (before version 8) is trusted to begin its info lines with their level.

Memory is bounded, whatever a hostile file makes FFmpeg print, and what is kept is printable.
"""

import math
import re
from collections import deque

_MAX_TEXT_BYTES = 2_000
_MAX_FACTS = 1_000
_MAX_ERRORS = 40

_ESCAPE = re.compile(rb"\x1b\[([0-9;]*)m")
_MAX_ESCAPE_BYTES = 12
_TIME = re.compile(rb"(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d+ ")
_CONTEXT = re.compile(rb"(\[[^\]]* @ 0x[0-9a-f]+\] )+")
_LEVEL = re.compile(rb"\[(panic|fatal|error|warning|info|verbose|debug|trace)\] ")
_INFO = b"[info] "

_FACT = re.compile(
    r"ffmpeg version |Input #|  Duration: |  Program |  Stream group |\s+Stream #0:|Stream mapping:|Output #0"
)
_SIDE_DATA = re.compile(r"(\s+)Side data:$")
# All patterns for errors match from the beginning: a text of the video may be quoted further behind.
_DAMAGE = re.compile(r"Error submitting packet to decoder|Decoding error|corrupt decoded frame$")
_MISSING_REFERENCE = re.compile(r"Could not find ref with POC|(?P<result>Error constructing the frame RPS)")
_GENERIC = re.compile(
    r"Error opening input files?\b|Error opening output|Error parsing options|Nothing was written"
    r"|Conversion failed|Task finished with error|Terminating thread|Error submitting packet|Decoding error"
    r"|Failed to set value|Guessed Channel Layout|deprecated pixel format"
    r"|Codec \(\w+\) not on whitelist|Failed to open codec|Could not find codec parameters"
)

_MAY_BE_MEMORY = re.compile(
    r"alloc|[mM]emory|buffer|temporar|segment|shared|thread|pixel|image|Picture"
)  # a quick look
_NO_MEMORY = re.compile(
    r"^([Cc]annot|[Cc]an't|[Cc]ould not|[Uu]nable to|[Ff]ailed to) (\(re\))?(re)?alloc"
    r"|^(Error|Failed) \(?(re)?\)?allocating"
    r"|^(Memory|Buffer|Picture|Frame) (re)?allocation (error|fail)|^[Oo]ut of memory"
    r"|^pthread_create\(\) failed|^Memory allocation error$"
    r"|^((Error|Failed|Task finished|Terminating thread|Decoding error)\b.*(: |\())?"
    r"(Cannot allocate memory|Resource temporarily unavailable)\)?$"
)
# A header that claims an absurd size makes a demuxer ask for it: no decoder wants memory there.
_DEMUXING = re.compile(r"(Error opening input|Error during demuxing)")
_NO_BUFFER = re.compile(r"(thread_)?get_buffer\(\) failed")
_REFUSED_SIZE = re.compile(r"Picture size |video_get_buffer: image parameters invalid")
_LOADER = re.compile(r"failed to map segment|Cannot allocate memory|cannot create shared object descriptor")


class ErrorFloodError(Exception):
    """FFmpeg reports more errors than its reader allows. `said` is all until then."""

    def __init__(self, said: "FFmpegLog") -> None:
        super().__init__(said)
        self.said = said


class FFmpegLog:
    """Fed with raw bytes as they come.

    ``facts``: the lines that describe the input. ``decode_errors``: how many packets or frames the
    decoder reported as damaged. ``errors``: the distinct texts of errors and warnings, first and last ones.
    ``message_limit`` and ``damage_limit``: from how many errors and warnings, and from how many decode errors
    on `feed` raises `ErrorFloodError`.
    """

    def __init__(self) -> None:
        self.facts: list[str] = []
        self.decode_errors = 0
        self.message_limit = self.damage_limit = math.inf
        self._messages = 0
        self._complained = False
        self._missing_references = 0
        self._first_errors: list[str] = []
        self._last_errors: deque[str] = deque(maxlen=_MAX_ERRORS)
        self._no_memory = self._no_buffer = self._refused_size = False
        self._escape = b""  # of an escape sequence, the part that has come
        self._is_coloured = False
        self._coloured = self._plain = self._message = b""
        self._level: str | None = None  # of the error or warning that is being printed
        self._stamped = False  # the plain line begins with FFmpeg's own time
        self._stamps = False  # FFmpeg prints times
        self._began = False  # FFmpeg itself has said something
        self._side_data: str | None = None  # the indentation of the list of side data

    def feed(self, data: bytes) -> None:
        """Take the next bytes. A text longer than 2,000 bytes is cut there.

        Raises:
            ErrorFloodError: There are more errors than the limits allow.
        """
        data = self._escape + data
        start = data.rfind(b"\x1b", -_MAX_ESCAPE_BYTES)
        end = len(data) if start < 0 or b"m" in data[start:] else start
        self._escape = data[end:]
        text, *rest = _ESCAPE.split(data[:end])
        self._take(text)
        for code, text in zip(rest[::2], rest[1::2], strict=True):
            self._turn(is_coloured=code not in (b"", b"0"))
            self._take(text)
        if self._messages > self.message_limit or self.decode_errors > self.damage_limit:
            raise ErrorFloodError(self)

    def _turn(self, *, is_coloured: bool) -> None:
        if self._is_coloured:
            self._take_segment(self._coloured)
            self._coloured = b""
        elif self._plain:
            self._take_line(self._plain)
        self._is_coloured = is_coloured

    def _take(self, text: bytes) -> None:
        if self._is_coloured:
            self._coloured = (self._coloured + text)[:_MAX_TEXT_BYTES]
            return
        *lines, rest = (self._plain + text).split(b"\n")
        for line in lines:
            self._take_line(line[:_MAX_TEXT_BYTES])
        self._plain = rest[:_MAX_TEXT_BYTES]

    def _take_segment(self, text: bytes) -> None:
        """Text of one colour: a time, contexts, a level, or the text of an error."""
        if _TIME.fullmatch(text):
            self._end_message()
            self._stamps = self._stamped = self._began = True
        elif _CONTEXT.fullmatch(text):
            self._end_message()
        elif level := _LEVEL.fullmatch(text):
            self._end_message()
            self._level = level[1].decode()
            self._began = True
            self._stamped = False
        elif self._level is not None:
            self._message = (self._message + text)[:_MAX_TEXT_BYTES]
            if text.endswith(b"\n"):
                self._end_message()

    def _end_message(self) -> None:
        if self._level in ("panic", "fatal", "error", "warning") and self._message:
            self._take_error(_printable(self._message.rstrip(b"\r\n")), self._level)
        self._level, self._message = None, b""

    def _take_line(self, line: bytes) -> None:
        """A line without colour: FFmpeg's own if it says so and has its time, else a text of the video, or of
        a library. What comes before all else is the loader's."""
        is_own = line.startswith(_INFO) and (self._stamped or not self._stamps)
        self._plain, self._stamped = b"", False
        self._end_message()
        if is_own:
            self._began = True
            self._take_fact(_printable(line.removeprefix(_INFO), 2 * _MAX_TEXT_BYTES))
        elif line and not self._began:
            self._take_error(_printable(line), "error", is_loader=True)

    def _take_fact(self, line: str) -> None:
        if heading := _SIDE_DATA.match(line):
            self._side_data = heading[1]
        elif self._side_data is not None and not line.startswith(self._side_data + " "):
            self._side_data = None
        if (self._side_data is not None or _FACT.match(line)) and len(self.facts) < _MAX_FACTS:
            self.facts.append(line)

    def _take_error(self, text: str, level: str, *, is_loader: bool = False) -> None:
        damage = bool(_DAMAGE.match(text))
        self.decode_errors += damage
        self._messages += 1
        if missing := _MISSING_REFERENCE.match(text):
            self._missing_references += missing["result"] is None
        else:
            self._complained |= damage or (level != "warning" and not _GENERIC.match(text))
        if _MAY_BE_MEMORY.search(text):
            self._no_memory |= bool(
                _LOADER.search(text) if is_loader else _NO_MEMORY.search(text) and not _DEMUXING.match(text)
            )
            self._no_buffer |= bool(_NO_BUFFER.match(text))
            self._refused_size |= bool(_REFUSED_SIZE.match(text))
        if text not in self._first_errors and text not in self._last_errors:
            (self._first_errors if len(self._first_errors) < _MAX_ERRORS else self._last_errors).append(text)

    def has_errors(self, undecodable: int = 0) -> bool:
        """Whether anything specific was called an error; that sound is not decoded is none, nor that so many
        pictures of HEVC were `undecodable` since others were left out."""
        return self._complained or self._missing_references > undecodable

    @property
    def errors(self) -> tuple[str, ...]:
        return (*self._first_errors, *self._last_errors)

    def matches(self, pattern: str) -> bool:
        """Whether any error or warning text begins with a match of the regular expression. A text of the
        video may be quoted in the middle."""
        return any(re.match(pattern, text) for text in self.errors)

    @property
    def out_of_memory(self) -> bool:
        """Whether an allocation failed, or a thread for want of its stack: for the decoder, not for what a
        damaged header claims."""
        return self._no_memory or (self._no_buffer and not self._refused_size)

    @property
    def words(self) -> str:
        """FFmpeg's own words on what went wrong: the specific ones rather than the summing-up."""
        specific = [text for text in self.errors if not _GENERIC.match(text)] or list(self.errors)
        return "; ".join(specific[:2]) or "no message"


def _printable(text: bytes, most: int = 300) -> str:
    decoded = text.decode("utf-8", "replace")
    if decoded.isprintable():
        return decoded[:most]
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in decoded)[:most]
