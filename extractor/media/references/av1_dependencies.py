"""Build the dependency graph of the frames of an AV1 stream. Pure."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct, field

from extractor.media.references.av1_obu import (
    ALL_SLOTS,
    FRAME,
    FRAME_HEADER,
    METADATA,
    SEQUENCE_HEADER,
    TEMPORAL_DELIMITER,
    TILE_GROUP,
    SequenceHeader,
    obus,
    parse_frame_header,
    parse_sequence_header,
)
from extractor.media.references.bit_reader import UnsupportedBitstreamError

_Unit = tuple[int, bytes]
"""The type and the payload of an open bitstream unit."""

_MAX_DISTANCE: Final = 65_535
_SPLIT_UNITS: Final = frozenset(
    {SEQUENCE_HEADER, TEMPORAL_DELIMITER, FRAME_HEADER, TILE_GROUP, METADATA, FRAME}
)
_HDR_METADATA = (b"\1", b"\2")  # METADATA_TYPE_HDR_CLL, METADATA_TYPE_HDR_MDCV


class Dependencies:
    """The references of each frame, stored as distances: about ten bytes per frame.

    Frames are numbered in decode order, from 0.

    Attributes:
        shown: The numbers of the frames that are shown.
    """

    def __init__(self) -> None:
        self.shown = array("I")
        self._distances = array("H")
        self._ends = array("I", [0])
        self._parameters = array("I")

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, references: Iterable[int], *, is_shown: bool, has_parameters: bool) -> None:
        """Add the next frame in decode order.

        Args:
            references: The numbers of the frames that it is decoded from.
            is_shown: Whether it is shown.
            has_parameters: Whether its packet carries parameters (a sequence header or HDR metadata) that
                apply to all following frames.

        Raises:
            UnsupportedBitstreamError: A source is farther away than can be stored.
        """
        number = len(self)
        for reference in references:
            if number - reference > _MAX_DISTANCE:
                raise UnsupportedBitstreamError
            if reference != number:
                self._distances.append(number - reference)
        self._ends.append(len(self._distances))
        if is_shown:
            self.shown.append(number)
        if has_parameters:
            self._parameters.append(number)

    def needed_frames(self, positions: Iterable[int]) -> bytearray:
        """Find the frames that must be decoded.

        Args:
            positions: Positions of the wanted frames among the shown frames.

        Returns:
            One byte per frame in decode order: 1 if a wanted frame depends on it or is it, else 0.
        """
        needed = bytearray(len(self))
        for position in positions:
            needed[self.shown[position]] = 1
        for number in reversed(range(len(needed))):
            if needed[number]:
                for distance in self._distances[self._ends[number] : self._ends[number + 1]]:
                    needed[number - distance] = 1
                if count := bisect_right(self._parameters, number):
                    needed[self._parameters[count - 1]] = 1
        return needed


def av1_dependencies(packets: Iterable[bytes]) -> Dependencies | None:
    """Parse packets that hold one frame each.

    Returns:
        The dependencies, or ``None`` if any packet has an unsupported feature.
    """
    reader = Av1Dependencies()
    for packet in packets:
        reader.feed(packet)
    return reader.dependencies


class Av1Dependencies:
    """Incremental builder of `Dependencies`."""

    def __init__(self) -> None:
        self._decoder: _Av1Decoder | None = _Av1Decoder()

    def feed(self, packet: bytes) -> None:
        """Parse the next packet, which must hold one frame."""
        if self._decoder is not None:
            try:
                self._decoder.feed(packet)
            except UnsupportedBitstreamError:
                self._decoder = None

    def feed_temporal_unit(self, packet: bytes) -> None:
        """Parse the next packet of a container, which may hold several frames."""
        if self._decoder is not None:
            try:
                for units in _units_by_frame(obus(packet)):
                    self._decoder.feed_units(units)
            except UnsupportedBitstreamError:
                self._decoder = None

    @property
    def dependencies(self) -> Dependencies | None:
        """The dependencies of all frames; ``None`` if any packet had an unsupported feature."""
        return self._decoder.dependencies if self._decoder else None


class _Av1Decoder(Struct):
    """The state of an AV1 decoder between two packets.

    It holds which frame is in each slot, and the parameter units (sequence header, HDR metadata) of the
    stream. These must not change within the stream, so each frame depends only on the latest packet that
    carries them.
    """

    dependencies: Dependencies = field(default_factory=Dependencies)
    _slots: list[int | None] = field(default_factory=lambda: [None] * len(ALL_SLOTS))
    _key_frame_slots: set[int] = field(default_factory=set)
    _sequence: SequenceHeader | None = None
    _parameters: Sequence[tuple[int, bytes]] = ()

    def feed(self, packet: bytes) -> None:
        self.feed_units(list(obus(packet)))

    def feed_units(self, units: Sequence[_Unit]) -> None:
        parameters = [unit for unit in units if _is_parameter_unit(*unit)]
        if parameters:
            self._read_parameters(parameters)
        headers = [payload for kind, payload in units if kind in (FRAME, FRAME_HEADER)]
        if len(headers) != 1 or self._sequence is None:
            raise UnsupportedBitstreamError
        self._read_frame(headers[0], self._sequence, has_parameters=bool(parameters))

    def _read_parameters(self, units: Sequence[tuple[int, bytes]]) -> None:
        if self._sequence is None:
            kind, payload = units[0]
            if kind != SEQUENCE_HEADER:
                raise UnsupportedBitstreamError
            self._sequence = parse_sequence_header(payload)
            self._parameters = units
        if units != self._parameters:
            raise UnsupportedBitstreamError

    def _read_frame(self, header: bytes, sequence: SequenceHeader, *, has_parameters: bool) -> None:
        number = len(self.dependencies)
        frame = parse_frame_header(header, sequence)
        references = {self._frame_in(slot) for slot in frame.references}
        is_key = frame.is_key or (frame.shows_existing and self._key_frame_slots.issuperset(frame.references))
        written = ALL_SLOTS if is_key and frame.shows_existing else frame.refreshed
        for slot in written:
            self._slots[slot] = number
        if is_key:
            self._key_frame_slots.update(written)
        else:
            self._key_frame_slots.difference_update(written)
        self.dependencies.add(references, is_shown=frame.is_shown, has_parameters=has_parameters)

    def _frame_in(self, slot: int) -> int:
        """Return the number of the frame in the slot."""
        number = self._slots[slot]
        if number is None:
            raise UnsupportedBitstreamError
        return number


def _units_by_frame(units: Iterable[_Unit]) -> Iterator[Sequence[_Unit]]:
    """Split a temporal unit as FFmpeg's filter ``av1_frame_split`` does, for the common units.

    Raises:
        UnsupportedBitstreamError: There are other units, or some after the last frame.
    """
    group, has_header = list[_Unit](), False
    for unit in units:
        if unit[0] not in _SPLIT_UNITS:
            raise UnsupportedBitstreamError
        if has_header and unit[0] != TILE_GROUP:
            yield group
            group, has_header = [], False
        group.append(unit)
        has_header = has_header or unit[0] in (FRAME, FRAME_HEADER)
    if not has_header:
        raise UnsupportedBitstreamError
    yield group


def _is_parameter_unit(kind: int, payload: bytes) -> bool:
    return kind == SEQUENCE_HEADER or (kind == METADATA and payload.startswith(_HDR_METADATA))
