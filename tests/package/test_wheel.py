"""A wheel installed elsewhere does what the repository does."""

import json
import re
import sqlite3
import subprocess
import zipfile
from collections.abc import Callable
from contextlib import closing
from email import message_from_string
from pathlib import Path

import pytest

import extractor
from extractor.backends.state.sqlite import SqliteStateStore
from tests.package.conftest import ROOT, Environment

_API = """
import sys, extractor
print(extractor.__version__, extractor.__file__)
for frame in extractor.extract_frames(sys.argv[1], "frames", 2):
    print(frame.path.name, frame.pts_seconds)
"""


@pytest.fixture(scope="module")
def core(install: Callable[[str], Environment]) -> Environment:
    return install("")


@pytest.fixture(scope="module")
def everything(install: Callable[[str], Environment]) -> Environment:
    return install("[all]")


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "extractor"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == set(tracked)
    assert {"extractor/py.typed", "extractor/reconcile/report/templates/report.html.j2"} <= held


def test_the_wheel_names_the_one_version_the_licence_and_the_commands(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        texts = {
            name.partition(".dist-info/")[2]: archive.read(name).decode()
            for name in archive.namelist()
            if ".dist-info/" in name
        }
    metadata = message_from_string(texts["METADATA"])
    assert (metadata["Version"], metadata["License-Expression"]) == (extractor.__version__, "MIT")
    assert metadata["Requires-Python"] == ">=3.11"
    assert re.findall(r"^([\w-]+) =", texts["entry_points.txt"], re.MULTILINE) == [
        "frame-extractor",
        "frame-extractor-dataset",
        "frame-extractor-enqueue",
        "frame-extractor-reconcile",
        "frame-extractor-serve",
    ]


def test_the_version_is_written_once() -> None:
    version = re.escape(f'"{extractor.__version__}"')
    sources = [*(ROOT / "extractor").rglob("*.py"), ROOT / "pyproject.toml"]
    assert [path.name for path in sources if re.search(version, path.read_text())] == ["__init__.py"]


def test_the_command_line_works_without_any_extra(core: Environment, plain_clip: Path) -> None:
    run = core.run("frame-extractor", plain_clip, "--out", "out")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == f"{plain_clip}: 4 frames of 4.00 s -> out/plain\n"
    assert len(list((core.folder / "out/plain").glob("*.jpg"))) == 4


def test_the_python_api_works_without_any_extra(core: Environment, plain_clip: Path) -> None:
    run = core.run("python", "-c", _API, plain_clip)
    assert run.returncode == 0, run.stderr
    (version, home), *frames = map(str.split, run.stdout.splitlines())
    assert version == extractor.__version__
    assert Path(home).is_relative_to(core.root)
    assert frames == [["000000.jpg", "0.0"], ["000001.jpg", "2.0"]]


@pytest.mark.parametrize("option", ["--strategy=scene", "--measures", "--storyboard"])
def test_an_option_that_needs_an_extra_says_which(core: Environment, plain_clip: Path, option: str) -> None:
    run = core.run("frame-extractor", plain_clip, "--out", "out", option)
    assert (run.returncode, run.stdout) == (2, "")
    assert "pip install 'oriane-frame-extractor[scenes]'" in run.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (("dataset", "export", ".", "--out", "out"), "dataset"),
        (("enqueue",), "aws"),
        (("reconcile", "status"), "supabase"),
    ],
    ids=["dataset", "aws", "supabase"],
)
def test_a_command_that_needs_an_extra_says_which(
    core: Environment, command: tuple[str, ...], extra: str
) -> None:
    state = {"SUPABASE_URL": "http://127.0.0.1:9", "SUPABASE_KEY": "key"}
    if extra == "aws":
        SqliteStateStore(core.folder / "state.sqlite", "watched_content")
        state = {"STATE_BACKEND": "sqlite", "SQLITE_PATH": "state.sqlite"}
    name, *arguments = command
    run = core.run(
        f"frame-extractor-{name}",
        *arguments,
        SQS_QUEUE_URL="http://127.0.0.1:9/1/q",
        AWS_REGION="us-east-1",
        **state,
    )
    assert (run.returncode, run.stderr.count("\n")) == (2, 1), run.stderr
    assert f"pip install 'oriane-frame-extractor[{extra}]'" in run.stderr


@pytest.mark.parametrize("name", ["frame-extractor", "frame-extractor-enqueue", "frame-extractor-reconcile"])
def test_a_command_calls_itself_by_its_own_name(core: Environment, name: str) -> None:
    assert core.run(name, "--help").stdout.startswith(f"usage: {name} ")


def test_with_all_extras_scenes_and_storyboards_are_made(everything: Environment, plain_clip: Path) -> None:
    run = everything.run("frame-extractor", plain_clip, "--out", "out", "--strategy=scene", "--storyboard")
    assert (run.returncode, run.stderr) == (0, "")
    manifest = json.loads((everything.folder / "out/plain/manifest.json").read_bytes())
    assert manifest["scene_count"] >= 1
    assert {"contact_sheet", "thumbnails"} <= {extra["kind"] for extra in manifest["extras"]}


def test_with_all_extras_videos_are_queued_and_reported(
    everything: Environment,
    aws_environment: dict[str, str],
    new_queue: Callable[[], str],
    new_bucket: Callable[[], str],
) -> None:
    database = everything.folder / "state.sqlite"
    SqliteStateStore(database, "watched_content").add("abc", is_fetched=True)
    settings = {
        **aws_environment,
        "STATE_BACKEND": "sqlite",
        "SQLITE_PATH": str(database),
        "SQS_QUEUE_URL": new_queue(),
        "S3_BUCKET_VIDEOS": new_bucket(),
        "S3_BUCKET_FRAMES": new_bucket(),
    }
    queued = everything.run("frame-extractor-enqueue", **settings)
    assert (queued.returncode, queued.stdout.splitlines()[0][:14]) == (0, "1 video queued"), queued.stderr
    report = everything.run("frame-extractor-reconcile", "report", "--older-than", "0", **settings)
    assert report.returncode in (0, 1), report.stderr
    assert "<html" in (everything.folder / "report.html").read_text()
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM watched_content").fetchone() == (1,)
