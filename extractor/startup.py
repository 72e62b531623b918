"""What is made while a process starts is there to stay: nobody need look whether it is garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_frozen() -> Iterator[None]:
    """Within, garbage is not looked for; what is there at the end is never looked at again. Imports make
    so many objects to keep that Python would look through them nearly two hundred times."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
