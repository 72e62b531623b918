"""Find problems in a complete scan."""

from collections import Counter
from collections.abc import Iterator, Mapping

from extractor.reconcile.checks import ExpectedState, find_problems, is_too_young
from extractor.reconcile.findings import Finding
from extractor.reconcile.snapshot import Snapshot

TOO_YOUNG = "too young"


def verify(
    snapshot: Snapshot,
    expected: ExpectedState,
    contents: Mapping[str, Finding] | None = None,
    not_judged: "Counter[str] | None" = None,
) -> Iterator[list[Finding]]:
    """Yield the findings of each video that has any, in order of the codes.

    Args:
        snapshot: The scan.
        expected: The expected state.
        contents: Findings of the deep check, by code.
        not_judged: Counts videos that were not checked, by reason.
    """
    for row in snapshot.rows():
        observation = snapshot.observation(row.code)
        if not_judged is not None and is_too_young(observation, expected):
            not_judged[TOO_YOUNG] += 1
        findings = find_problems(row, observation, expected)
        if contents and row.code in contents:
            findings.append(contents[row.code])
        if findings:
            yield findings
