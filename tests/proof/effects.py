"""The side effects of a run, each with a name, and the fault that befalls one of them.

An effect is named by what it does and how often that was done before in the same run, so that it is the
same effect in every run, in whatever order threads come to it.
"""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar, get_args

Mode = Literal["fail before", "fail after", "once before", "once after", "kill before", "kill after"]
"""`fail`: the call as a whole, with all its attempts; `once`: its first attempt, so that the next one heals
it; `kill`: SIGKILL of the process. `before`: nothing was done; `after`: it was done, the answer is lost."""

MODES: tuple[Mode, ...] = get_args(Mode)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, and where."""

    effect: str
    mode: Mode

    @property
    def kills(self) -> bool:
        return self.mode.startswith("kill")


@dataclass(slots=True)
class Ledger:
    """Takes down every effect of this process. `met`: whether the fault has befallen it."""

    fault: Fault | None = None
    effects: list[str] = field(default_factory=list)
    met: bool = False
    _calls: dict[str, str] = field(default_factory=dict)
    _seen: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, fault: Fault | None) -> None:
        """Another run in the same process."""
        self.fault, self.met = fault, False
        for seen in (self.effects, self._calls, self._seen):
            seen.clear()

    def perform(
        self, name: str, act: Callable[[], T], fail: Callable[[], object], call: str | None = None
    ) -> T:
        """Do the effect, unless it is the one that fails. `fail` raises what its caller would see, or does
        the harm and returns. Attempts with the same `call` are one effect."""
        effect, is_first = self._enter(name, call)
        moment = self._moment(effect, is_first)
        if moment == "before":
            self._strike(fail)
        result = act()
        if moment == "after":
            self._strike(fail)
        return result

    def _enter(self, name: str, call: str | None) -> tuple[str, bool]:
        with self._lock:
            if call is not None and call in self._calls:
                return self._calls[call], False
            self._seen[name] += 1
            effect = f"{name} #{self._seen[name]}"
            self.effects.append(effect)
            if call is not None:
                self._calls[call] = effect
            return effect, True

    def _moment(self, effect: str, is_first: bool) -> str | None:
        if self.fault is None or self.fault.effect != effect:
            return None
        kind, _, moment = self.fault.mode.partition(" ")
        return moment if is_first or kind != "once" else None

    def _strike(self, fail: Callable[[], object]) -> None:
        assert self.fault is not None
        self.met = True
        if self.fault.kills:
            os.kill(os.getpid(), signal.SIGKILL)
        fail()
