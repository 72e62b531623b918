"""Check the packets of VP8 and VP9 by the first byte of their frames.

RFC 6386, 9.1, and the VP9 bitstream specification, 6.2.
"""

import os
from collections.abc import Sequence
from typing import Final

from extractor.media.container.sample_table import UnsupportedTablesError

_UNSUPPORTED: Final = 2


def check_frames(
    descriptor: int,
    codec: str,
    offsets: Sequence[int],
    are_keyframes: Sequence[int],
    present: Sequence[int] | None = None,
) -> None:
    """Check that each packet shows a frame, and that keyframes are flagged as such.

    Args:
        descriptor: The open file.
        codec: ``vp8`` or ``vp9``.
        offsets: The position of each packet in the file.
        are_keyframes: Whether they are flagged as keyframes.
        present: Whether their bytes are present; ``None`` if all are.

    Raises:
        UnsupportedTablesError: FFmpeg would derive other keyframes, or there are packets without a frame to
            show.
    """
    kinds = bytes(map(_KINDS[codec], range(256)))
    for number, (offset, is_keyframe) in enumerate(zip(offsets, are_keyframes, strict=True)):
        if present is not None and not present[number]:
            continue
        head = os.pread(descriptor, 1, offset)
        if not head or kinds[head[0]] != is_keyframe:
            raise UnsupportedTablesError


def _vp8_kind(head: int) -> int:
    """Return whether a frame is a keyframe."""
    is_shown = head & 0x10
    return not head & 1 if is_shown else _UNSUPPORTED


def _vp9_kind(head: int) -> int:
    """Likewise. A packet may begin with a hidden frame, and end with one that is shown."""
    marker, profile = head >> 6, head >> 4 & 3
    if marker != 2 or profile == 3:  # in profile 3, a reserved bit comes before the flags
        return _UNSUPPORTED
    return not head & 0xC  # neither another frame shown again, nor an inter frame


_KINDS: Final = {"vp8": _vp8_kind, "vp9": _vp9_kind}
