"""State against manifests against objects: everything that is wrong in a complete survey."""

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
    """The findings of each video that has any, in order of the codes. `contents` are those of the deep
    look, by code. `not_judged` counts what nothing was said of."""
    for row in snapshot.rows():
        observation = snapshot.observation(row.code)
        if not_judged is not None and is_too_young(observation, expected):
            not_judged[TOO_YOUNG] += 1
        findings = find_problems(row, observation, expected)
        if contents and row.code in contents:
            findings.append(contents[row.code])
        if findings:
            yield findings
