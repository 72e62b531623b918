"""Parse the log that FFmpeg writes to stderr, in bounded memory.

The log contains texts of the video (tags, names, chapters), which must not be taken for messages of FFmpeg.
FFmpeg runs with ``-loglevel level+repeat+time+…`` and ``AV_LOG_FORCE_COLOR``: each message begins with its
time, its contexts and its level, and escape sequences colour the time, and the whole text of an error or
warning. FFmpeg replaces the escape character in all texts (``sanitize`` in libavutil/log.c), so a video
cannot forge these. An FFmpeg that prints no times (before version 8) is trusted to begin its info lines with
their level.

All texts that are kept are printable, and their number and length are limited.
https://ffmpeg.org/doxygen/trunk/log_8c_source.html
"""

import math
import re
from collections import deque

_MAX_TEXT_BYTES = 2_000
_MAX_INPUT_LINES = 1_000
_MAX_ERRORS = 40

_ESCAPE = re.compile(rb"\x1b\[([0-9;]*)m")
_MAX_ESCAPE_BYTES = 12
_TIME = re.compile(rb"(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d+ ")
_CONTEXT = re.compile(rb"(\[[^\]]* @ 0x[0-9a-f]+\] )+")
_LEVEL = re.compile(rb"\[(panic|fatal|error|warning|info|verbose|debug|trace)\] ")
_INFO = b"[info] "
_RECONFIGURATION = b"[info] Reconfiguring filter graph because video parameters changed"

_INPUT_LINE = re.compile(
    r"ffmpeg version |Input #|  Duration: |  Program |  Stream group |\s+Stream #0:|Stream mapping:|Output #0"
)
_SIDE_DATA = re.compile(r"(\s+)Side data:$")
# All patterns for errors match at the beginning: a message may quote a text of the video further behind.
# They are compiled at the first error, since most files have none.
_DAMAGE = r"Error submitting packet to decoder|Decoding error|corrupt decoded frame$"
_MISSING_REFERENCE = r"Could not find ref with POC|(?P<result>Error constructing the frame RPS)"
_GENERIC = (
    r"Error opening input files?\b|Error opening output|Error parsing options|Nothing was written"
    r"|Conversion failed|Task finished with error|Terminating thread|Error submitting packet|Decoding error"
    r"|Failed to set value|Guessed Channel Layout|deprecated pixel format"
    r"|Codec \(\w+\) not on whitelist|Failed to open codec|Could not find codec parameters"
)

_MAYBE_MEMORY = (
    r"alloc|[mM]emory|buffer|temporar|segment|shared|thread|pixel|image|Picture"  # a cheap pre-check
)
_NO_MEMORY = (
    r"^([Cc]annot|[Cc]an't|[Cc]ould not|[Uu]nable to|[Ff]ailed to) (\(re\))?(re)?alloc"
    r"|^(Error|Failed) \(?(re)?\)?allocating"
    r"|^(Memory|Buffer|Picture|Frame) (re)?allocation (error|fail)|^[Oo]ut of memory"
    r"|^pthread_create\(\) failed|^Memory allocation error$"
    r"|^((Error|Failed|Task finished|Terminating thread|Decoding error)\b.*(: |\())?"
    r"(Cannot allocate memory|Resource temporarily unavailable)\)?$"
)
# A damaged header with an absurd size makes the demuxer allocate too much: the decoder is not concerned.
_DEMUXING = r"(Error opening input|Error during demuxing)"
_NO_BUFFER = r"(thread_)?get_buffer\(\) failed"
_REFUSED_SIZE = r"Picture size |video_get_buffer: image parameters invalid"
_LOADER = r"failed to map segment|Cannot allocate memory|cannot create shared object descriptor"


class ErrorFloodError(Exception):
    """FFmpeg reported more errors than the limits of its `log` allow."""

    def __init__(self, log: "FFmpegLog") -> None:
        super().__init__(log)
        self.log = log


class FFmpegLog:
    """Incremental parser of the log.

    Attributes:
        input_lines: The lines that describe the input file.
        decode_errors: How many packets or frames the decoder reported as damaged.
        frames_change: Whether the size, the pixel format or the colour tags of decoded frames changed within
            the video, if the log has the level ``info``.
        message_limit: `feed` raises `ErrorFloodError` after more errors and warnings than this.
        damage_limit: `feed` raises `ErrorFloodError` after more decode errors than this.
    """

    def __init__(self) -> None:
        self.input_lines: list[str] = []
        self.decode_errors = 0
        self.frames_change = False
        self.message_limit = self.damage_limit = math.inf
        self._messages = 0
        self._has_specific_error = False
        self._missing_references = 0
        self._first_errors: list[str] = []
        self._last_errors: deque[str] = deque(maxlen=_MAX_ERRORS)
        self._no_memory = self._no_buffer = self._refused_size = False
        self._escape = b""  # the incomplete escape sequence at the end of the data
        self._is_coloured = False
        self._coloured = self._plain = self._message = b""
        self._level: str | None = None  # of the current error or warning
        self._line_has_time = False  # the current uncoloured line begins with a time of FFmpeg
        self._prints_times = False  # FFmpeg prints times
        self._has_started = False  # a message of FFmpeg itself was seen
        self._side_data: str | None = None  # the indentation of the current side data list

    def feed(self, data: bytes) -> None:
        """Parse the next bytes of the log. Texts are cut at 2,000 bytes.

        Raises:
            ErrorFloodError: The number of messages or decode errors exceeds its limit.
        """
        data = self._escape + data
        start = data.rfind(b"\x1b", -_MAX_ESCAPE_BYTES)
        end = len(data) if start < 0 or b"m" in data[start:] else start
        self._escape = data[end:]
        text, *rest = _ESCAPE.split(data[:end])
        self._add_text(text)
        for code, text in zip(rest[::2], rest[1::2], strict=True):
            self._change_colour(is_coloured=code not in (b"", b"0"))
            self._add_text(text)
        if self._messages > self.message_limit or self.decode_errors > self.damage_limit:
            raise ErrorFloodError(self)

    def _change_colour(self, *, is_coloured: bool) -> None:
        if self._is_coloured:
            self._add_segment(self._coloured)
            self._coloured = b""
        elif self._plain:
            self._end_line(self._plain)
        self._is_coloured = is_coloured

    def _add_text(self, text: bytes) -> None:
        if self._is_coloured:
            self._coloured = (self._coloured + text)[:_MAX_TEXT_BYTES]
            return
        *lines, rest = (self._plain + text).split(b"\n")
        for line in lines:
            self._end_line(line[:_MAX_TEXT_BYTES])
        self._plain = rest[:_MAX_TEXT_BYTES]

    def _add_segment(self, text: bytes) -> None:
        """Handle a text of one colour: a time, contexts, a level, or the text of an error."""
        if _TIME.fullmatch(text):
            self._end_message()
            self._prints_times = self._line_has_time = self._has_started = True
        elif _CONTEXT.fullmatch(text):
            self._end_message()
        elif level := _LEVEL.fullmatch(text):
            self._end_message()
            self._level = level[1].decode()
            self._has_started = True
            self._line_has_time = False
        elif self._level is not None:
            self._message = (self._message + text)[:_MAX_TEXT_BYTES]
            if text.endswith(b"\n"):
                self._end_message()

    def _end_message(self) -> None:
        if self._level in ("panic", "fatal", "error", "warning") and self._message:
            self._add_error(_printable(self._message.rstrip(b"\r\n")), self._level)
        self._level, self._message = None, b""

    def _end_line(self, line: bytes) -> None:
        """Handle a line without colour.

        It is a message of FFmpeg if it has a level and a time, and the loader's if it precedes all
        messages; otherwise it is a text of the video or of a library.
        """
        is_own = line.startswith(_INFO) and (self._line_has_time or not self._prints_times)
        self._plain, self._line_has_time = b"", False
        self._end_message()
        if is_own:
            self._has_started = True
            self._add_input_line(_printable(line.removeprefix(_INFO), 2 * _MAX_TEXT_BYTES))
            self.frames_change |= line.startswith(_RECONFIGURATION)
        elif line and not self._has_started:
            self._add_error(_printable(line), "error", is_loader=True)

    def _add_input_line(self, line: str) -> None:
        if heading := _SIDE_DATA.match(line):
            self._side_data = heading[1]
        elif self._side_data is not None and not line.startswith(self._side_data + " "):
            self._side_data = None
        if (self._side_data is not None or _INPUT_LINE.match(line)) and len(
            self.input_lines
        ) < _MAX_INPUT_LINES:
            self.input_lines.append(line)

    def _add_error(self, text: str, level: str, *, is_loader: bool = False) -> None:
        damage = bool(re.match(_DAMAGE, text))
        self.decode_errors += damage
        self._messages += 1
        if missing := re.match(_MISSING_REFERENCE, text):
            self._missing_references += missing["result"] is None
        else:
            self._has_specific_error |= damage or (level != "warning" and not re.match(_GENERIC, text))
        if re.search(_MAYBE_MEMORY, text):
            self._no_memory |= bool(
                re.search(_LOADER, text)
                if is_loader
                else re.search(_NO_MEMORY, text) and not re.match(_DEMUXING, text)
            )
            self._no_buffer |= bool(re.match(_NO_BUFFER, text))
            self._refused_size |= bool(re.match(_REFUSED_SIZE, text))
        if text not in self._first_errors and text not in self._last_errors:
            (self._first_errors if len(self._first_errors) < _MAX_ERRORS else self._last_errors).append(text)

    def has_errors(self, undecodable: int = 0) -> bool:
        """Whether FFmpeg reported a specific error.

        Errors about audio decoders do not count.

        Args:
            undecodable: The number of HEVC pictures whose reference pictures were dropped on purpose. As
                many errors about missing references do not count.
        """
        return self._has_specific_error or self._missing_references > undecodable

    @property
    def errors(self) -> tuple[str, ...]:
        """The distinct texts of errors and warnings: the first and the last ones."""
        return (*self._first_errors, *self._last_errors)

    def matches(self, pattern: str) -> bool:
        """Whether any error or warning begins with a match of the regular expression.

        Only the beginning counts, since messages may quote texts of the video.
        """
        return any(re.match(pattern, text) for text in self.errors)

    @property
    def out_of_memory(self) -> bool:
        """Whether the decoder could not allocate memory, or the stack of a thread.

        Failed allocations of a size that only a damaged header claims do not count.
        """
        return self._no_memory or (self._no_buffer and not self._refused_size)

    @property
    def summary(self) -> str:
        """The first two error messages, specific ones preferred, or ``no message``."""
        specific = [text for text in self.errors if not re.match(_GENERIC, text)] or list(self.errors)
        return "; ".join(specific[:2]) or "no message"


def _printable(text: bytes, max_chars: int = 300) -> str:
    decoded = text.decode("utf-8", "replace")
    if decoded.isprintable():
        return decoded[:max_chars]
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in decoded)[
        :max_chars
    ]
