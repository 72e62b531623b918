"""The list of mutants fits the code, and the command tells those that are noticed from those that are not."""

import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mutation.__main__ import explained
from tests.mutation.mutant import Mutant, MutantGoneError
from tests.mutation.mutants import MUTANTS
from tests.mutation.run import check_unchanged, copy_of, try_mutant

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_fits_the_code_and_compiles(mutant: Mutant) -> None:
    changed = mutant.applied_to((ROOT / mutant.file).read_text(encoding="utf-8"))
    compile(changed, mutant.file, "exec")
    assert [test for test in mutant.tests if not (ROOT / test.partition("::")[0]).exists()] == []


def test_every_mutant_has_a_name_of_its_own() -> None:
    assert [name for name, count in Counter(mutant.name for mutant in MUTANTS).items() if count > 1] == []


def test_the_page_explains_mutants_that_exist() -> None:
    assert explained().keys() <= {mutant.name for mutant in MUTANTS}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # its tests need none, and start faster
    (tmp_path / "tests").mkdir()
    (tmp_path / "code.py").write_text("def double(number):\n    return number * 2\n")
    (tmp_path / "tests" / "test_code.py").write_text(
        "from code import double\n\ndef test_double():\n    assert double(2) == 4\n"
    )
    (tmp_path / "code.py").rename(tmp_path / "doubling.py")
    test = tmp_path / "tests" / "test_code.py"
    test.write_text(test.read_text().replace("from code", "from doubling"))
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path


@pytest.fixture
def mutant() -> Callable[[str, str], Mutant]:
    return lambda before, after: Mutant("any", "doubling.py", before, after, ("tests/test_code.py",))


def test_a_change_that_a_test_notices_is_caught(
    repository: Path, mutant: Callable[[str, str], Mutant]
) -> None:
    with copy_of(repository) as copy:
        assert check_unchanged(copy, ["tests"], 60) == ""
        result = try_mutant(mutant("* 2", "* 3"), copy, 60)
        assert (result.verdict, result.by) == ("caught", "tests/test_code.py::test_double")
        assert (copy / "doubling.py").read_text() == (repository / "doubling.py").read_text()


def test_a_change_that_no_test_notices_survives(
    repository: Path, mutant: Callable[[str, str], Mutant]
) -> None:
    with copy_of(repository) as copy:
        assert try_mutant(mutant("* 2", "+ number"), copy, 60).verdict == "survived"


def test_a_change_that_never_ends_is_timed_out(
    repository: Path, mutant: Callable[[str, str], Mutant]
) -> None:
    with copy_of(repository) as copy:
        changed = mutant("    return", "    __import__('signal').pause()\n    return")
        assert try_mutant(changed, copy, 1).verdict == "timed out"


def test_a_change_of_what_is_not_there_is_an_error(
    repository: Path, mutant: Callable[[str, str], Mutant]
) -> None:
    with copy_of(repository) as copy, pytest.raises(MutantGoneError, match=r"doubling\.py"):
        try_mutant(mutant("* 4", "* 3"), copy, 60)
