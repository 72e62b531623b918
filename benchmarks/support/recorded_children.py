"""Note the CPU seconds of each child process that the code in a block starts through `subprocess`."""

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Child:
    """A child process that has ended."""

    argv: list[str]
    cpu_seconds: float


@contextmanager
def recorded_children() -> Iterator[list[Child]]:
    """Yield the list that the children are added to as they end.

    The kernel adds the usage of a child to that of all ended children at the moment that it is waited for.
    So the difference is that of the child, if no other thread waits for another one.
    """
    children: list[Child] = []
    original = subprocess.Popen

    class Recorded(original):  # type: ignore[misc, valid-type]
        def wait(self, timeout: float | None = None) -> Any:
            return self._noting(super().wait, timeout)

        def poll(self) -> Any:
            return self._noting(super().poll)

        def _noting(self, method: Any, *arguments: object) -> Any:
            if self.returncode is not None:
                return method(*arguments)
            before = _children_cpu_seconds()
            status = method(*arguments)
            if status is not None:
                argv = [str(argument) for argument in self.args]
                children.append(Child(argv, _children_cpu_seconds() - before))
            return status

    subprocess.Popen = Recorded  # type: ignore[misc]
    try:
        yield children
    finally:
        subprocess.Popen = original  # type: ignore[misc]


def _children_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
