"""Nothing of a job outlives it on the disk, and nobody sweeps what is in use."""

import subprocess
import sys
from pathlib import Path

import pytest

from extractor.pipeline.workdir import job_directory


def test_the_directory_is_gone_after_the_job_however_it_ends(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), job_directory(tmp_path) as directory:
        (directory / "source").write_bytes(b"x")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.failure_row(30)
def test_the_leftovers_of_a_killed_job_are_swept_by_the_next(tmp_path: Path) -> None:
    code = f"""if True:
    import os, signal
    from pathlib import Path
    from extractor.pipeline.workdir import job_directory
    with job_directory(Path({str(tmp_path)!r})) as directory:
        (directory / "source").write_bytes(b"x" * 1000)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    (leftover,) = tmp_path.iterdir()
    with job_directory(tmp_path) as directory:
        assert list(tmp_path.iterdir()) == [directory] != [leftover]


def test_the_directory_of_a_job_at_work_is_left_alone(tmp_path: Path) -> None:
    with job_directory(tmp_path) as first, job_directory(tmp_path) as second:
        assert first != second
        assert sorted(tmp_path.iterdir()) == sorted([first, second])


def test_what_is_no_job_directory_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "job-file").write_text("a file with such a name")
    with job_directory(tmp_path):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["job-file", "precious"]
