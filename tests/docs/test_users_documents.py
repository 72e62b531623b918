"""Somebody follows the README, or the older one of the users, to the letter."""

import inspect
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extractor import extract_frames
from extractor.settings import load_settings
from local.embedded.child_process import ROOT
from tests.infra.rendering import MINIMAL, Rendering, load_template
from tests.support.processes import run_python
from tests.support.servers.supabase import Supabase, supabase

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def project() -> Iterator[Supabase]:
    with supabase((ROOT / "scripts" / "schema.sql").read_text()) as server:
        server.database.sql(
            "insert into watched_content (code, is_fetched) values ('DI5RZbSTV-t', true), ('later', false)"
        )
        yield server


def _queue(folder: Path, environment: Mapping[str, str], *options: str) -> "subprocess.CompletedProcess[str]":
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), **environment}
    return run_python([ROOT / "run_sqs_batches.py", *options], variables, folder)


def test_a_file_with_two_lines_lacks_the_queue_and_one_sentence_says_so(
    project: Supabase, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(f"SUPABASE_URL={project.url}\nSUPABASE_KEY={project.service_key}\n")
    result = _queue(tmp_path, {})
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "SQS_QUEUE_URL: is not set; it is the queue that run_sqs_batches.py fills" in result.stderr
    assert project.service_key not in result.stderr


def test_those_two_lines_are_enough_to_see_what_would_be_queued(project: Supabase, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"SUPABASE_URL={project.url}\nSUPABASE_KEY={project.service_key}\n")
    result = _queue(tmp_path, {}, "--dry-run")
    assert (result.returncode, result.stderr) == (0, "")
    assert "1 video" in result.stdout


def test_with_the_queue_the_videos_are_queued(
    project: Supabase,
    aws_environment: dict[str, str],
    sqs_client: "SQSClient",
    new_queue: Callable[[], str],
    tmp_path: Path,
) -> None:
    url = new_queue()
    (tmp_path / ".env").write_text(
        f"SUPABASE_URL={project.url}\nSUPABASE_KEY={project.service_key}\nSQS_QUEUE_URL={url}\n"
    )
    result = _queue(tmp_path, aws_environment)
    assert result.returncode == 0, result.stderr
    (message,) = sqs_client.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"]) == {"code": "DI5RZbSTV-t"}


def test_a_missing_region_is_one_sentence(project: Supabase, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        f"SUPABASE_URL={project.url}\nSUPABASE_KEY={project.service_key}\n"
        "SQS_QUEUE_URL=http://127.0.0.1:9/123456789012/videos\n"
    )
    result = _queue(tmp_path, {})
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "AWS_REGION" in result.stderr


def test_the_buckets_of_the_document_are_the_defaults() -> None:
    settings = load_settings({"SUPABASE_URL": "https://x.supabase.co", "SUPABASE_KEY": "key"})
    made = re.findall(r"aws s3 mb s3://(\S+)", README)
    assert (
        made == ["oriane-videos", "oriane-frames"] == [settings.s3_bucket_videos, settings.s3_bucket_frames]
    )


def test_memory_and_time_out_of_the_document_are_accepted() -> None:
    rendering = Rendering(load_template(), {**MINIMAL, "MemoryMb": "2048", "TimeoutSeconds": "300"})
    function = rendering.properties("Function")
    assert (function["MemorySize"], function["Timeout"]) == ("2048", "300")
    assert "--memory 2048 --timeout 300" in README


def test_the_repository_of_the_document_is_the_name_of_the_image(tmp_path: Path) -> None:
    engine = tmp_path / "docker"
    engine.write_text('#!/bin/sh\n[ "$1" = info ] || echo "$@"\n')
    engine.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    script = ROOT / "scripts" / "build_docker.sh"
    result = subprocess.run([script], env=environment, capture_output=True, text=True, check=True)
    assert re.search(r"--tag video-frames-extractor:\w+", result.stdout)


def test_without_docker_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    for tool in ("bash", "dirname", "env", "git"):
        (tmp_path / tool).symlink_to(Path("/usr/bin") / tool)
    result = subprocess.run(
        [ROOT / "scripts" / "build_docker.sh"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert "install Docker" in result.stderr


def test_the_function_of_the_document_takes_these_arguments() -> None:
    parameters = [
        parameter
        for parameter in inspect.signature(extract_frames).parameters.values()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    assert [parameter.name for parameter in parameters] == [
        "video_path",
        "output_dir",
        "frame_interval",
        "quality",
        "max_frames",
        "strategy",
    ]
    defaults = [parameter.default for parameter in parameters][2:]
    assert defaults == [1, 95, None, "uniform"]


def test_every_requirement_is_pinned_with_hashes() -> None:
    """So that plain `pip install -r requirements.txt` checks them: one hash makes pip ask for all."""
    text = (ROOT / "requirements.txt").read_text()
    pinned = re.findall(r"^[\w.-]+==\S+.*\\$", text, re.MULTILINE)
    assert len(pinned) == len(re.findall(r"^[a-z]", text, re.MULTILINE)) > 30


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)", README))
def test_the_readme_links_to_what_is_there(target: str) -> None:
    assert (ROOT / target).exists()


def test_the_contents_of_the_readme_are_its_sections() -> None:
    listed = re.findall(r"\(#([\w-]+)\)", README.partition("## Contents")[2].partition("\n## ")[0])
    sections = re.findall(r"^## (.+)$", README, re.MULTILINE)
    anchors = [title.lower().replace(" ", "-") for title in sections if title != "Contents"]
    assert listed == anchors
