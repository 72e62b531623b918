"""Threads that take turns: one runs at a time, and who is next is drawn from a seeded generator, so that a
seed is a schedule. Time is virtual and passes only between turns.
"""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

_MAX_STEPS = 20_000


class KilledError(BaseException):
    """Raised in a task that is killed, and wherever it still tries to have an effect."""


class StuckError(AssertionError):
    """The tasks do not come to an end."""


@dataclass(slots=True, eq=False)
class Task:
    """`wakes_at`: the time before which it has no turn."""

    name: str
    run: Callable[[], None]
    wakes_at: float = 0.0
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))


@dataclass(slots=True)
class Scheduler:
    """Everything that happens is decided by `random` alone."""

    random: random.Random
    now: float = 0.0
    steps: int = 0
    trace: list[str] = field(default_factory=list)
    _tasks: list[Task] = field(default_factory=list)
    _current: Task | None = None
    _ended: threading.Event = field(default_factory=threading.Event)
    _error: BaseException | None = None

    @property
    def current(self) -> Task:
        assert self._current is not None
        return self._current

    def add(self, name: str, run: Callable[[], None], wakes_at: float = 0.0) -> None:
        self._tasks.append(Task(name, run, wakes_at))
        if self._current is not None:  # the others run already
            self._start(self._tasks[-1])

    def run(self) -> None:
        """Until all tasks have ended. Raises the first error of one."""
        for task in self._tasks:
            self._start(task)
        self._hand_over()
        self._ended.wait()
        if self._error is not None:
            raise self._error

    def step(self, pause_seconds: float = 0.0) -> None:
        """Let others have their turn, for at least so long."""
        if self._error is not None:
            raise KilledError
        task = self.current
        task.wakes_at = self.now + pause_seconds
        self.steps += 1
        if self.steps > _MAX_STEPS:
            raise StuckError(f"no end after {self.steps} steps")
        if self._hand_over() is not task:
            task.turn.acquire()
        if self._error is not None:
            raise KilledError

    def _start(self, task: Task) -> None:
        threading.Thread(target=self._main, args=(task,), name=task.name, daemon=True).start()

    def _main(self, task: Task) -> None:
        task.turn.acquire()
        try:
            if self._error is None:
                task.run()
        except KilledError:
            pass
        except BaseException as error:  # noqa: BLE001 - whoever runs the tasks raises it
            self._error = self._error or error
        self._tasks.remove(task)
        if self._tasks:
            self._hand_over()
        else:
            self._ended.set()

    def _hand_over(self) -> Task:
        """Draw who is next, and wake it up unless it is awake."""
        self.now += self.random.random()
        ready = [task for task in self._tasks if task.wakes_at <= self.now]
        if not ready:
            self.now = min(task.wakes_at for task in self._tasks)
            ready = [task for task in self._tasks if task.wakes_at <= self.now]
        chosen = self.random.choice(ready)
        before, self._current = self._current, chosen
        if chosen is not before:
            chosen.turn.release()
        return chosen
