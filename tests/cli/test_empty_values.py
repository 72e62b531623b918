"""An empty value, as of a variable of the shell that is not set, is called empty by every command line."""

import subprocess
from pathlib import Path

import pytest

from extractor.cli.environment import load_dotenv_defaults
from extractor.pipeline.local import extract_frames
from tests.support.processes import run_python

ROOT = Path(__file__).parents[2]

_EXTRACT = ["-m", "extractor"]
_QUEUE = [str(ROOT / "run_sqs_batches.py")]
_RECONCILE = ["-m", "extractor.reconcile"]

COMMANDS = {
    "VIDEO": [*_EXTRACT, "", "--out", "out"],
    "--out": [*_EXTRACT, "a.mp4", "--out", ""],
    "MANIFEST_OR_TAR": [*_EXTRACT, "unpack", "", "--out", "out"],
    "--out of unpack": [*_EXTRACT, "unpack", "frames.tar", "--out", ""],
    "--codes": [*_QUEUE, "--codes", ""],
    "--checkpoint": [*_QUEUE, "--checkpoint="],
    "--csv": [*_RECONCILE, "status", "--csv", ""],
    "--json": [*_RECONCILE, "verify", "--json", ""],
    "--checkpoint of verify": [*_RECONCILE, "verify", "--checkpoint", ""],
    "--out of report": [*_RECONCILE, "report", "--out", ""],
    "--reason": [*_RECONCILE, "replay", "--reason", ""],
    "VIDEO of the demo": ["-m", "local.demo", ""],
    "--out of the demo": ["-m", "local.demo", "--out", ""],
    "VIDEO | CODE": ["-m", "local.invoke", ""],
    "--event": ["-m", "local.invoke", "--event", ""],
    "--image": ["-m", "local.invoke", "--image", " "],
}


def _run(arguments: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    return run_python(arguments, {"PATH": "/usr/bin:/bin"}, folder)


@pytest.mark.parametrize(("name", "arguments"), COMMANDS.items(), ids=COMMANDS)
def test_an_empty_value_is_named_and_nothing_is_done(name: str, arguments: list[str], tmp_path: Path) -> None:
    run = _run(arguments, tmp_path)
    assert (run.returncode, run.stdout) == (2, "")
    *_, told = run.stderr.splitlines()
    assert f"argument {name.partition(' of ')[0]}: the " in told
    assert told.endswith(" is empty")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("location", ["s3://", "s3://bucket", "s3://bucket/", "s3:///key"])
def test_an_address_without_bucket_or_key_is_named(location: str, tmp_path: Path) -> None:
    run = _run([*_EXTRACT, "unpack", location, "--out", "out"], tmp_path)
    assert run.returncode == 2
    assert f"{location!r} names no bucket and key such as s3://BUCKET/KEY" in run.stderr


@pytest.mark.parametrize(
    ("video", "folder", "name"), [("", "out", "video_path"), ("a.mp4", "", "output_dir")]
)
def test_an_empty_path_is_named_to_a_program(
    video: str, folder: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"^{name}: the path is empty"):
        extract_frames(video, folder)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_variable_of_aws_is_an_unset_one_and_one_in_the_environment_hides_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("AWS_PROFILE=\nAWS_ENDPOINT_URL=' '\nSQS_QUEUE_URL=file\nQUALITY=\n")
    monkeypatch.chdir(tmp_path)
    environment = {"AWS_DEFAULT_REGION": "", "AWS_REGION": "eu-west-3", "SQS_QUEUE_URL": ""}
    load_dotenv_defaults(environment)
    assert environment == {
        "AWS_DEFAULT_REGION": "eu-west-3",
        "AWS_REGION": "eu-west-3",
        "SQS_QUEUE_URL": "",
        "QUALITY": "",
    }
