"""Retry policy: exponential backoff with full jitter."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from extractor.cli.waiting_notice import NOTICE_SECONDS, Notify, no_notice, noticing
from extractor.errors import StateUnavailableError

Result = TypeVar("Result")


class RetryPolicy(Struct, frozen=True):
    """Repeats calls to the state, and computes the pauses of other retries.

    Attributes:
        attempts: The maximum number of attempts.
        first_seconds: The longest pause after the first attempt; it doubles with each attempt.
        longest_seconds: The upper limit of a pause.
        share: Returns the random share of the longest pause, so that several enqueuers do not retry in step.
        tell: Receives a notice on the first retry and on long pauses.
    """

    attempts: int = 8
    first_seconds: float = 0.2
    longest_seconds: float = 20.0
    share: Callable[[], float] = random.random
    tell: Notify = no_notice

    def pause_seconds(self, attempt: int) -> float:
        """Return the pause after the given attempt; attempts are counted from 1."""
        return self.share() * min(self.longest_seconds, self.first_seconds * 2.0 ** (attempt - 1))

    def explain(self, error: Exception, attempt: int, pause_seconds: float) -> None:
        """Report that an attempt failed and another follows, on the first retry and before long pauses."""
        if attempt == 1 or pause_seconds > NOTICE_SECONDS:
            self.tell(f"{error}; attempt {attempt + 1} of {self.attempts} follows in {pause_seconds:.1f} s")

    def call(self, ask_state: Callable[[], Result]) -> Result:
        """Call the state, and repeat the call while it is unavailable.

        Raises:
            StateUnavailableError: The last attempt failed, too.
        """
        for attempt in range(1, self.attempts):
            try:
                with noticing("the state", self.tell):
                    return ask_state()
            except StateUnavailableError as error:
                pause = self.pause_seconds(attempt)
                self.explain(error, attempt, pause)
                time.sleep(pause)
        return ask_state()
