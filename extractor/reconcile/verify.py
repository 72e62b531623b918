"""State against manifests against objects: everything that is wrong in a complete survey."""

from collections.abc import Iterator, Mapping

from extractor.reconcile.findings import Finding
from extractor.reconcile.judgement import Expectation, judge
from extractor.reconcile.ledger import Ledger


def verify(
    ledger: Ledger, expected: Expectation, contents: Mapping[str, Finding] | None = None
) -> Iterator[list[Finding]]:
    """The findings of each video that has any, in order of the codes. `contents` are those of the deep
    look, by code."""
    for row in ledger.rows():
        findings = judge(row, ledger.evidence(row.code), expected)
        if contents and row.code in contents:
            findings.append(contents[row.code])
        if findings:
            yield findings
