"""Values with large fields. Pure: no I/O."""

from typing import ClassVar

from msgspec import Struct


class ValueWithLargeFields(Struct, frozen=True):
    """Base of values whose `repr` leaves out fields that would fill the screen.

    Attributes:
        large_fields: The names of these fields.
    """

    large_fields: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        names = [name for name in self.__struct_fields__ if name not in self.large_fields]
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__name__}({shown})"
