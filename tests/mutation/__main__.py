"""`python -m tests.mutation`: do the tests notice when a line of the guarantee's modules is wrong?"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.mutation.mutant import Mutant, MutantGoneError
from tests.mutation.mutants import MUTANTS
from tests.mutation.run import Result, check_unchanged, copy_of, try_mutant

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "mutation.md"

_LEAST_SHARE = 0.9


def explained() -> dict[str, str]:
    """The mutants that no test notices, by name, with the reason that docs/explanation/mutation.md gives."""
    return dict(re.findall(r"^\| `([^`]+)` \| (.+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(argv)
    chosen = [mutant for mutant in MUTANTS if re.search(options.only, f"{mutant.name} {mutant.file}")]
    if options.list:
        for mutant in chosen:
            print(f"{mutant.file}: {mutant.name}")
        return 0
    try:
        with copy_of(ROOT) as copy:
            tests = sorted({test for mutant in chosen for test in mutant.tests})
            if not options.no_check and (failed := check_unchanged(copy, tests, 10 * options.timeout)):
                print(f"error: {failed} fails without any mutant", file=sys.stderr)
                return 2
            results = [_tried(mutant, copy, options.timeout) for mutant in chosen]
    except MutantGoneError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return _summary(results)


def _tried(mutant: Mutant, copy: Path, timeout_seconds: float) -> Result:
    result = try_mutant(mutant, copy, timeout_seconds)
    print(f"{result.verdict:9}  {mutant.name}  {result.by}".rstrip(), flush=True)
    return result


def _summary(results: Sequence[Result]) -> int:
    reasons = explained()
    survivors = [result.mutant for result in results if result.verdict == "survived"]
    caught = len(results) - len(survivors)
    print(f"\n{caught} of {len(results)} mutants were noticed by a test")
    for mutant in survivors:
        reason = reasons.get(mutant.name, "not explained in docs/explanation/mutation.md")
        print(f"  not noticed: {mutant.name}: {reason}")
    unexplained = [mutant for mutant in survivors if mutant.name not in reasons]
    return 1 if unexplained or caught < _LEAST_SHARE * len(results) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutation",
        description="Change one line after the other in a copy of the repository, and run the tests that "
        "must notice. The repository itself is not touched.",
        epilog="exit status: 0 if at least nine of ten are noticed and docs/explanation/mutation.md explains "
        "the others; 1 if not; 2 if a mutant does not fit the code, or a test fails without one; "
        "130 after Ctrl-C",
    )
    parser.add_argument(
        "--only", metavar="PATTERN", default="", help="those whose name or file has it (default: all)"
    )
    parser.add_argument("--list", action="store_true", help="only print the names")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=600.0,
        help="time of one run of tests, after which the mutant counts as noticed (default: 600)",
    )
    parser.add_argument(
        "--no-check", action="store_true", help="do not run the tests on the unchanged code first"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
