"""How often, and after what pauses, something that failed is tried again."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from extractor.errors import StateUnavailableError

Result = TypeVar("Result")


class Patience(Struct, frozen=True):
    """At most `attempts`, with pauses that double up to `longest_seconds`.

    Each pause is a random share of that, so that several enqueuers do not come back in step.
    """

    attempts: int = 8
    first_seconds: float = 0.2
    longest_seconds: float = 20.0
    share: Callable[[], float] = random.random

    def pause_seconds(self, attempt: int) -> float:
        """After the attempt of this number, from 1."""
        return self.share() * min(self.longest_seconds, self.first_seconds * 2.0 ** (attempt - 1))

    def insist(self, ask_state: Callable[[], Result]) -> Result:
        """What the state answers in the end. Raises `StateUnavailableError` if it stays away."""
        for attempt in range(1, self.attempts):
            try:
                return ask_state()
            except StateUnavailableError:
                time.sleep(self.pause_seconds(attempt))
        return ask_state()
