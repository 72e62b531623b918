"""How often, and after what pauses, something that failed is tried again."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from extractor.cli.waiting_notice import NOTICE_SECONDS, Notify, no_notice, noticing
from extractor.errors import StateUnavailableError

Result = TypeVar("Result")


class RetryPolicy(Struct, frozen=True):
    """At most `attempts`, with pauses that double up to `longest_seconds`.

    Each pause is a random share of that, so that several enqueuers do not come back in step. `tell` is told
    of the first retry, and of long pauses.
    """

    attempts: int = 8
    first_seconds: float = 0.2
    longest_seconds: float = 20.0
    share: Callable[[], float] = random.random
    tell: Notify = no_notice

    def pause_seconds(self, attempt: int) -> float:
        """After the attempt of this number, from 1."""
        return self.share() * min(self.longest_seconds, self.first_seconds * 2.0 ** (attempt - 1))

    def explain(self, error: Exception, attempt: int, pause_seconds: float) -> None:
        """Tell that attempt number `attempt` failed and that another follows, if that is worth a line."""
        if attempt == 1 or pause_seconds > NOTICE_SECONDS:
            self.tell(f"{error}; attempt {attempt + 1} of {self.attempts} follows in {pause_seconds:.1f} s")

    def call(self, ask_state: Callable[[], Result]) -> Result:
        """What the state answers in the end. Raises `StateUnavailableError` if it stays away."""
        for attempt in range(1, self.attempts):
            try:
                with noticing("the state", self.tell):
                    return ask_state()
            except StateUnavailableError as error:
                pause = self.pause_seconds(attempt)
                self.explain(error, attempt, pause)
                time.sleep(pause)
        return ask_state()
