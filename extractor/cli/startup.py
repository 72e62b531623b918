"""Keep the start of a process short, for entry points. Changes nothing but the garbage collector."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_frozen() -> Iterator[None]:
    """Disable the garbage collector during start-up, and exempt all objects that exist at its end.

    Imports create many objects that live as long as the process; Python would scan them some two hundred
    times.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
