"""Streams of AV1 that are made up, header by header, and what a decoder shows of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st


@dataclass(frozen=True, slots=True)
class Av1Frame:
    """What an encoder may choose. A frame that `repeats` shows the one in the slot `reads[0]`."""

    kind: int  # key, inter, intra only, switch
    is_shown: bool
    error_resilient: bool
    short_signaling: bool
    reads: tuple[int, ...]
    refresh: int
    repeats: bool
    with_sequence: bool


@dataclass(frozen=True, slots=True)
class Av1Stream:
    order_hint: bool
    screen_content: int  # never, always, chosen per frame
    timing: bool
    frames: list[Av1Frame]


def bits(*fields: tuple[int, int]) -> bytes:
    """Numbers with their lengths in bits, and what a header may be followed by."""
    text = "".join(f"{value:0{length}b}" for value, length in fields if length) + "1"
    return int(text.ljust((len(text) + 7) // 8 * 8, "0"), 2).to_bytes((len(text) + 7) // 8, "big")


def obu(kind: int, payload: bytes) -> bytes:
    size = bytes([len(payload) & 0x7F | 0x80, len(payload) >> 7])  # not the shortest form, but a valid one
    return bytes([kind << 3 | 2]) + size + payload


def sequence_header(stream: Av1Stream) -> bytes:
    timing = [(1, 1), (1, 32), (25, 32), (1, 1), (0b00101, 5), (0, 1)] if stream.timing else [(0, 1)]
    points = [(0, 1), (0, 5), (0, 12), (8, 5), (0, 1)]
    size = [(7, 4), (6, 4), (191, 8), (127, 7)]
    order = [(1, 1), (0b11, 2)] if stream.order_hint else [(0, 1)]
    tools = [[(0, 1), (0, 1)], [(0, 1), (1, 1), (1, 1)], [(1, 1), (1, 1)]][stream.screen_content]
    hint = [(6, 3)] if stream.order_hint else []
    rest = [(0, 1), (0, 7), *order, *tools, *hint, (0, 16)]
    return obu(1, bits((0, 3), (0, 2), *timing, *points, *size, *rest))


def frame_header(frame: Av1Frame, stream: Av1Stream) -> bytes:
    if frame.repeats:
        return obu(3, bits((1, 1), (frame.reads[0], 3)))
    hint = 7 if stream.order_hint else 0
    anew = (frame.kind == 0 and frame.is_shown) or frame.kind == 3
    intra = frame.kind in (0, 2)
    resilient = anew or frame.error_resilient
    fields = [(0, 1), (frame.kind, 2), (frame.is_shown, 1)]
    fields += [] if frame.is_shown else [(1, 1)]
    fields += [] if anew else [(frame.error_resilient, 1)]
    fields += [(0, 1), *[[], [(1, 1)], [(1, 1), (0, 1)]][stream.screen_content]]
    fields += [] if frame.kind == 3 else [(0, 1)]
    fields += [(5, hint)] if hint else []
    fields += [] if intra or resilient else [(2, 3)]
    fields += [] if anew else [(frame.refresh, 8)]
    if not intra:
        fields += [(3, hint)] * 8 if resilient and hint else []
        fields += [(frame.short_signaling, 1)] if hint else []
        fields += [(1, 3), (4, 3)] if hint and frame.short_signaling else [(slot, 3) for slot in frame.reads]
    return obu(6, bits(*fields, (0, 200)))


def packets_of(stream: Av1Stream) -> Iterator[bytes]:
    for frame in stream.frames:
        sequence = sequence_header(stream) if frame.with_sequence else b""
        yield obu(2, b"") + sequence + frame_header(frame, stream)


def shown_by(stream: Av1Stream, kept: Sequence[bool]) -> dict[int, object]:
    """What a decoder shows: for each kept frame all that went into it."""
    slots: list[tuple[bool, object]] = [(False, "nothing")] * 8
    shown: dict[int, object] = {}
    has_sequence = False
    for number, frame in enumerate(stream.frames):
        if not kept[number]:
            continue
        has_sequence = has_sequence or frame.with_sequence
        if frame.repeats:
            is_key, content = slots[frame.reads[0]]
            written = 0xFF if is_key else 0
        else:
            is_key = frame.kind == 0
            reads = range(8) if stream.order_hint and frame.short_signaling else frame.reads
            sources = [] if frame.kind in (0, 2) else [slots[slot][1] for slot in sorted(set(reads))]
            content = hash((has_sequence, number, *sources))
            written = 0xFF if frame.kind == 3 or (is_key and frame.is_shown) else frame.refresh
        slots = [(is_key, content) if written >> slot & 1 else slots[slot] for slot in range(8)]
        if frame.is_shown or frame.repeats:
            shown[number] = content
    return shown


_frames = st.builds(
    Av1Frame,
    kind=st.sampled_from([0, 1, 1, 1, 1, 2, 3]),
    is_shown=st.booleans(),
    error_resilient=st.booleans(),
    short_signaling=st.sampled_from([False, False, False, True]),
    reads=st.tuples(*[st.integers(0, 7)] * 7) | st.integers(0, 7).map(lambda slot: (slot,) * 7),
    refresh=st.integers(0, 255) | st.sampled_from([0, 1, 2, 4, 8, 16, 32, 64, 128]),
    repeats=st.sampled_from([False, False, False, True]),
    with_sequence=st.sampled_from([False, False, False, True]),
)

KEYFRAME = Av1Frame(0, True, True, False, (0,) * 7, 255, False, True)

streams = st.builds(
    Av1Stream,
    order_hint=st.booleans(),
    screen_content=st.integers(0, 2),
    timing=st.booleans(),
    frames=st.lists(_frames, max_size=40).map(lambda frames: [KEYFRAME, *frames]),
)
