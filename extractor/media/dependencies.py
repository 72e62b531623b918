"""Which frames each frame of a stream is decoded from, where that is known. Pure."""

from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct, field

from extractor.media.av1_headers import (
    ALL_SLOTS,
    FRAME,
    FRAME_HEADER,
    METADATA,
    SEQUENCE_HEADER,
    SequenceHeader,
    obus,
    parse_frame_header,
    parse_sequence_header,
)
from extractor.media.bits import UnsureError

_LASTING_METADATA = (b"\1", b"\2")  # hdr_cll, hdr_mdcv: the range of brightness and colours


class Dependencies(Struct, frozen=True):
    """Of frames in decode order: for each, the numbers of the `earlier` ones without which it cannot be
    decoded; and the numbers of those that are `shown`."""

    earlier: Sequence[Collection[int]]
    shown: Sequence[int]

    def needed_frames(self, places: Iterable[int]) -> list[bool]:
        """For each frame, whether the shown frames at these places cannot do without it."""
        needed = [False] * len(self.earlier)
        for place in places:
            needed[self.shown[place]] = True
        for number in reversed(range(len(needed))):
            if needed[number]:
                for other in self.earlier[number]:
                    needed[other] = True
        return needed


def av1_dependencies(packets: Iterable[bytes]) -> Dependencies | None:
    """Of packets with one frame each; `None` if it is not sure for all of them."""
    decoder = _Av1Decoder()
    try:
        for packet in packets:
            decoder.take(packet)
    except UnsureError:
        return None
    return Dependencies(decoder.earlier, decoder.shown)


class _Av1Decoder(Struct):
    """What an AV1 decoder knows between two packets: which frame was written to each slot last, and the units
    that last: the sequence header and some metadata. They must always be the same; then it is enough
    that every frame depends on the packet that told them last."""

    earlier: list[Collection[int]] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)
    _slots: list[int | None] = field(default_factory=lambda: [None] * len(ALL_SLOTS))
    _key_frames: set[int] = field(default_factory=set)
    _sequence: SequenceHeader | None = None
    _lasting: Sequence[tuple[int, bytes]] = ()
    _told_last: int = 0

    def take(self, packet: bytes) -> None:
        units = list(obus(packet))
        lasting = [unit for unit in units if _is_lasting(*unit)]
        if lasting:
            self._take_lasting(lasting)
        headers = [payload for kind, payload in units if kind in (FRAME, FRAME_HEADER)]
        if len(headers) != 1 or self._sequence is None:
            raise UnsureError
        self._take_frame(headers[0], self._sequence)

    def _take_lasting(self, units: Sequence[tuple[int, bytes]]) -> None:
        if self._sequence is None:
            kind, payload = units[0]
            if kind != SEQUENCE_HEADER:
                raise UnsureError
            self._sequence = parse_sequence_header(payload)
            self._lasting = units
        if units != self._lasting:
            raise UnsureError
        self._told_last = len(self.earlier)

    def _take_frame(self, header: bytes, sequence: SequenceHeader) -> None:
        number = len(self.earlier)
        frame = parse_frame_header(header, sequence)
        sources = {self._written_to(slot) for slot in frame.reads}
        is_key = frame.is_key or (frame.repeats and sources <= self._key_frames)
        if is_key:
            self._key_frames.add(number)
        for slot in ALL_SLOTS if is_key and frame.repeats else frame.writes:
            self._slots[slot] = number
        if frame.is_shown:
            self.shown.append(number)
        self.earlier.append(tuple((sources | {self._told_last}) - {number}))

    def _written_to(self, slot: int) -> int:
        """The frame in the slot."""
        number = self._slots[slot]
        if number is None:
            raise UnsureError
        return number


def _is_lasting(kind: int, payload: bytes) -> bool:
    return kind == SEQUENCE_HEADER or (kind == METADATA and payload.startswith(_LASTING_METADATA))
