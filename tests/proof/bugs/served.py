"""Bugs of a worker outside of Lambda: the message and its outcome in the wrong order."""

from collections.abc import Mapping
from typing import Any

from extractor.serve.hand import Hand
from tests.proof.bugs import Patch


def deleted_before_the_outcome(patch: Patch) -> None:
    take = Hand.take

    def take_and_delete(hand: Hand, record: Mapping[str, Any]) -> None:
        take(hand, record)
        hand.delete()

    patch(Hand, "take", take_and_delete)


def deleted_though_it_failed(patch: Patch) -> None:
    patch(Hand, "give_back", lambda hand, _seconds: hand.delete())
