"""Ways to damage a file. Pure: the same random numbers give the same bytes."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from tests.fuzz.elements import Element, parsed

Mutator = Callable[[Random, bytes, bytes], bytes]
"""From a file, and another one to take pieces from, to a damaged file."""

_HEAD_BYTES: Final = 2_000
_MOST_BYTES: Final = 4_000_000
_LENGTHS: Final = (1, 2, 4, 16, 100, 188, 1_000, 10_000)
_EXTREMES: Final = (
    0,
    1,
    2,
    -1,
    -2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    1 << 24,
    (1 << 31) - 1,
    1 << 31,
)


def flip_bits(random: Random, data: bytes, other: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice((1, 3, 10, 100))):
        changed[_place(random, data)] ^= 1 << random.randrange(8)
    return bytes(changed)


def overwrite(random: Random, data: bytes, other: bytes) -> bytes:
    start, end = _range(random, data)
    length = end - start
    patterns = (bytes(length), b"\xff" * length, random.randbytes(length))
    return data[:start] + random.choice(patterns) + data[end:]


def truncate(random: Random, data: bytes, other: bytes) -> bytes:
    return data[: random.choice((_place(random, data), random.randrange(len(data))))]


def behead(random: Random, data: bytes, other: bytes) -> bytes:
    return data[random.choice(_LENGTHS) :]


def delete(random: Random, data: bytes, other: bytes) -> bytes:
    start, end = _range(random, data)
    return data[:start] + data[end:]


def duplicate(random: Random, data: bytes, other: bytes) -> bytes:
    start, end = _range(random, data)
    return data[:end] + data[start:end] * random.choice((1, 1, 2, 30)) + data[end:]


def insert(random: Random, data: bytes, other: bytes) -> bytes:
    start = _place(random, data)
    length = random.choice(_LENGTHS)
    return data[:start] + random.choice((bytes(length), random.randbytes(length))) + data[start:]


def splice(random: Random, data: bytes, other: bytes) -> bytes:
    """The beginning of one file and the end of another, or a piece of it in the middle."""
    start, end = _range(random, data)
    their_start, their_end = _range(random, other)
    ends = (other[their_start:], other[their_start:their_end] + data[end:])
    return data[:start] + random.choice(ends)


def append(random: Random, data: bytes, other: bytes) -> bytes:
    return data + random.choice((data, other))


def set_number(random: Random, data: bytes, other: bytes) -> bytes:
    """An extreme number somewhere, in any width and order of bytes; most often near the beginning."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 3))):
        _set_number(random, changed, _place(random, data))
    return bytes(changed)


def drop_element(random: Random, data: bytes, other: bytes) -> bytes:
    return _with_siblings(random, data, lambda siblings, at: siblings.pop(at))


def repeat_element(random: Random, data: bytes, other: bytes) -> bytes:
    def change(siblings: list[Element], at: int) -> None:
        times = random.choice((1, 2, 20, 200, 3_000))
        size = max(1, len(siblings[at].written()))
        siblings[at:at] = [siblings[at]] * min(times, _MOST_BYTES // size)

    return _with_siblings(random, data, change)


def swap_elements(random: Random, data: bytes, other: bytes) -> bytes:
    def change(siblings: list[Element], at: int) -> None:
        second = random.randrange(len(siblings))
        siblings[at], siblings[second] = siblings[second], siblings[at]

    return _with_siblings(random, data, change)


def move_element(random: Random, data: bytes, other: bytes) -> bytes:
    """A copy of an element, of this or the other file, somewhere else in the tree."""
    theirs = random.choice(list(parsed(random.choice((data, other))).lists()) or [[]])
    if not theirs:
        return data
    guest = random.choice(theirs)
    return _with_siblings(random, data, lambda siblings, at: siblings.insert(at, guest))


def nest_element(random: Random, data: bytes, other: bytes) -> bytes:
    """An element in an element of its kind in an element of its kind …"""

    def change(siblings: list[Element], at: int) -> None:
        inner = siblings[at]
        body = inner.written()
        times = random.choice((1, 5, 50, 2_000))
        for _ in range(min(times, 1 + _MOST_BYTES // len(body)) if body else 0):
            body = inner.header(len(body)) + body
        siblings[at] = Element(lambda _: b"", body)

    return _with_siblings(random, data, change)


def lie_about_size(random: Random, data: bytes, other: bytes) -> bytes:
    def change(siblings: list[Element], at: int) -> None:
        element = siblings[at]
        body = element.written()[len(element.header(0)) :]
        told = random.choice((abs(_extreme(random)), len(body) + 1, max(0, len(body) - 1), len(body) * 2))
        siblings[at] = Element(lambda _: element.header(told), body)

    changed = _with_siblings(random, data, change)
    return changed if changed != data else set_number(random, data, other)  # where elements have no sizes


def set_number_in_element(random: Random, data: bytes, other: bytes) -> bytes:
    """An extreme number near the beginning of an element, where counts, sizes and times stand."""

    def change(siblings: list[Element], at: int) -> None:
        element = siblings[at]
        body = bytearray(element.body)
        for _ in range(random.choice((1, 2, 4))):
            _set_number(random, body, random.randrange(0, min(len(body), 40) or 1))
        element.body = bytes(body)

    return _with_siblings(random, data, change)


def fill_element(random: Random, data: bytes, other: bytes) -> bytes:
    def change(siblings: list[Element], at: int) -> None:
        size = random.choice((0, len(siblings[at].body), 1_000))
        siblings[at].body = random.choice((bytes(size), b"\xff" * size, random.randbytes(size)))

    return _with_siblings(random, data, change)


MUTATORS: Final[Mapping[str, Mutator]] = {
    mutator.__name__: mutator
    for mutator in (
        flip_bits, overwrite, truncate, behead, delete, duplicate, insert, splice, append, set_number,
        drop_element, repeat_element, swap_elements, move_element, nest_element, lie_about_size,
        set_number_in_element, fill_element,
    )
}  # fmt: skip


def _place(random: Random, data: bytes) -> int:
    """Near the beginning, near the end, or anywhere: headers and tables matter most."""
    near = min(len(data), _HEAD_BYTES)
    from_end = len(data) - 1 - random.randrange(near)
    return random.choice((random.randrange(near), from_end, random.randrange(len(data))))


def _range(random: Random, data: bytes) -> tuple[int, int]:
    start = _place(random, data)
    return start, min(len(data), start + random.choice(_LENGTHS))


def _extreme(random: Random) -> int:
    return random.choice((*_EXTREMES, random.getrandbits(32)))


def _set_number(random: Random, data: bytearray, at: int) -> None:
    width = random.choice((1, 2, 3, 4, 8))
    number = _extreme(random) & ((1 << 8 * width) - 1)
    big_endian, little_endian = number.to_bytes(width, "big"), number.to_bytes(width, "little")
    there = len(data[at : at + width])
    data[at : at + width] = random.choice((big_endian, little_endian))[:there]


def _with_siblings(random: Random, data: bytes, change: Callable[[list[Element], int], object]) -> bytes:
    """`data` with a change to one of its elements. Every list of siblings is as likely as another, so that
    the few headers get as much as the many packets."""
    tree = parsed(data)
    lists = list(tree.lists())
    if not lists:
        return data
    siblings = random.choice(lists)
    change(siblings, random.randrange(len(siblings)))
    return tree.written()[: 2 * _MOST_BYTES]
