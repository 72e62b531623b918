"""A run that skipped tests ends with the command that installs what was missing."""

from tests.support.skipped import summary


def test_each_reason_is_counted_and_has_its_command() -> None:
    lines = list(
        summary(
            ["Skipped: PostgreSQL is not installed"] * 2
            + ["Skipped: not installed: podman; scripts/test_image.sh installs them"]
        )
    )
    assert lines == [
        "3 tests were skipped:",
        "  2 x PostgreSQL is not installed",
        "  1 x not installed: podman; scripts/test_image.sh installs them",
        "to install what was missing:",
        "  ./scripts/install_test_servers.sh",
        "  sudo ./scripts/test_image.sh",
    ]


def test_a_reason_that_nothing_helps_against_is_told_all_the_same() -> None:
    assert list(summary(["Skipped: only on Linux"])) == ["1 test was skipped:", "  1 x only on Linux"]


def test_a_run_that_skipped_nothing_says_nothing() -> None:
    assert list(summary([])) == []
