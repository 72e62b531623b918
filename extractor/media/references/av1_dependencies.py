"""Which frames each frame of a stream is decoded from, where that is known. Pure."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct, field

from extractor.media.references.av1_obu import (
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
from extractor.media.references.bit_reader import UnsupportedBitstreamError

_MAX_DISTANCE: Final = 65_535
_LASTING_METADATA = (b"\1", b"\2")  # hdr_cll, hdr_mdcv: the range of brightness and colours


class Dependencies:
    """Which frames each frame is decoded from, compactly: some ten bytes a frame. Frames are numbered in
    decode order.

    Attributes:
        shown: The numbers of the frames that are shown.
    """

    def __init__(self) -> None:
        self.shown = array("I")
        self._distances = array("H")
        self._ends = array("I", [0])
        self._lasting = array("I")

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, sources: Iterable[int], *, is_shown: bool, tells_lasting: bool) -> None:
        """Add the next frame.

        Args:
            sources: The numbers of the frames that it is decoded from.
            is_shown: Whether it is shown.
            tells_lasting: Whether its packet tells what the decoder must know for all frames that follow.

        Raises:
            UnsureError: A source is farther away than can be stored.
        """
        number = len(self)
        for source in sources:
            if number - source > _MAX_DISTANCE:
                raise UnsupportedBitstreamError
            if source != number:
                self._distances.append(number - source)
        self._ends.append(len(self._distances))
        if is_shown:
            self.shown.append(number)
        if tells_lasting:
            self._lasting.append(number)

    def needed_frames(self, places: Iterable[int]) -> bytearray:
        """For each frame a byte, 1 if the shown frames at these places cannot do without it."""
        needed = bytearray(len(self))
        for place in places:
            needed[self.shown[place]] = 1
        for number in reversed(range(len(needed))):
            if needed[number]:
                for distance in self._distances[self._ends[number] : self._ends[number + 1]]:
                    needed[number - distance] = 1
                if told := bisect_right(self._lasting, number):
                    needed[self._lasting[told - 1]] = 1
        return needed


def av1_dependencies(packets: Iterable[bytes]) -> Dependencies | None:
    """Of packets with one frame each; `None` if it is not sure for all of them."""
    reader = Av1Dependencies()
    for packet in packets:
        reader.take(packet)
    return reader.found


class Av1Dependencies:
    """Fed with packets of one frame each."""

    def __init__(self) -> None:
        self._decoder: _Av1Decoder | None = _Av1Decoder()

    def take(self, packet: bytes) -> None:
        """Take the next packet."""
        if self._decoder is not None:
            try:
                self._decoder.take(packet)
            except UnsupportedBitstreamError:
                self._decoder = None

    @property
    def found(self) -> Dependencies | None:
        """The dependencies of all frames; `None` if they are not sure."""
        return self._decoder.dependencies if self._decoder else None


class _Av1Decoder(Struct):
    """What an AV1 decoder knows between two packets: which frame was written to each slot last, and the units
    that last: the sequence header and some metadata. They must always be the same; then it is enough
    that every frame depends on the packet that told them last."""

    dependencies: Dependencies = field(default_factory=Dependencies)
    _slots: list[int | None] = field(default_factory=lambda: [None] * len(ALL_SLOTS))
    _slots_of_key_frames: set[int] = field(default_factory=set)
    _sequence: SequenceHeader | None = None
    _lasting: Sequence[tuple[int, bytes]] = ()

    def take(self, packet: bytes) -> None:
        units = list(obus(packet))
        lasting = [unit for unit in units if _is_lasting(*unit)]
        if lasting:
            self._take_lasting(lasting)
        headers = [payload for kind, payload in units if kind in (FRAME, FRAME_HEADER)]
        if len(headers) != 1 or self._sequence is None:
            raise UnsupportedBitstreamError
        self._take_frame(headers[0], self._sequence, tells_lasting=bool(lasting))

    def _take_lasting(self, units: Sequence[tuple[int, bytes]]) -> None:
        if self._sequence is None:
            kind, payload = units[0]
            if kind != SEQUENCE_HEADER:
                raise UnsupportedBitstreamError
            self._sequence = parse_sequence_header(payload)
            self._lasting = units
        if units != self._lasting:
            raise UnsupportedBitstreamError

    def _take_frame(self, header: bytes, sequence: SequenceHeader, *, tells_lasting: bool) -> None:
        number = len(self.dependencies)
        frame = parse_frame_header(header, sequence)
        sources = {self._written_to(slot) for slot in frame.reads}
        is_key = frame.is_key or (frame.repeats and self._slots_of_key_frames.issuperset(frame.reads))
        written = ALL_SLOTS if is_key and frame.repeats else frame.writes
        for slot in written:
            self._slots[slot] = number
        if is_key:
            self._slots_of_key_frames.update(written)
        else:
            self._slots_of_key_frames.difference_update(written)
        self.dependencies.add(sources, is_shown=frame.is_shown, tells_lasting=tells_lasting)

    def _written_to(self, slot: int) -> int:
        """The frame in the slot."""
        number = self._slots[slot]
        if number is None:
            raise UnsupportedBitstreamError
        return number


def _is_lasting(kind: int, payload: bytes) -> bool:
    return kind == SEQUENCE_HEADER or (kind == METADATA and payload.startswith(_LASTING_METADATA))
