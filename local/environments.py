"""Environments of a single local invocation: an embedded cloud with one video, or a real AWS account."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3

from extractor.cli.environment import env_file
from extractor.errors import SettingsError
from extractor.settings import ALL_VARIABLES
from local.cloud import EmbeddedCloud
from local.demo.clips import CLIPS, make_clips
from local.demo.setup import demo_environment, upload
from local.demo.videos import DemoVideo, given_videos
from local.demo.workspace import open_workspace
from local.errors import DemoError


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The environment of an invocation.

    Attributes:
        environment: The environment variables of the function.
        shared: With an embedded cloud, the folder that the function must be able to write to.
        cloud: The embedded cloud, if any.
        video: The video in the embedded cloud, if any.
    """

    environment: Mapping[str, str]
    shared: Path | None = None
    cloud: EmbeddedCloud | None = None
    video: DemoVideo | None = None


def is_file(what: str) -> bool:
    """Return whether the argument means a file, existing or not, rather than a code."""
    return "/" in what or bool(Path(what).suffix)


def code_for(what: str) -> str:
    """Return the code for a file, or the given code.

    Raises:
        VideoFileError: The file does not exist.
    """
    return given_videos([Path(what)])[0].code if is_file(what) else what


@contextmanager
def embedded_cloud(what: str) -> Iterator[Surroundings]:
    """Run S3, SQS and a state on this machine, with the given file or a sample video with the given code."""
    with tempfile.TemporaryDirectory(prefix="frame-extractor-") as directory, ExitStack() as stack:
        workspace = stack.enter_context(open_workspace(Path(directory, "workspace")))
        cloud = stack.enter_context(EmbeddedCloud(log=workspace.logs / "cloud.log"))
        path = Path(what) if is_file(what) else make_clips(workspace.clips, CLIPS[:1])[0]
        video = DemoVideo(code_for(what), what, path)
        upload(cloud, workspace, [video])
        # In a container, the function runs as another user; the parent folder keeps other users out.
        workspace.root.chmod(0o777)
        workspace.state.chmod(0o666)
        environment = _function_variables(demo_environment(cloud, workspace, os.environ))
        yield Surroundings(environment, workspace.root, cloud, video)


def account() -> Surroundings:
    """Return the caller's credentials and settings (including `.env`), as Lambda would set them.

    Raises:
        DemoError: There are no credentials, or `.env` cannot be read.
    """
    try:
        settings = env_file() | os.environ
    except SettingsError as error:
        raise DemoError(str(error)) from error
    session = boto3.Session()
    credentials = session.get_credentials()
    if credentials is None:
        raise DemoError("there are no AWS credentials; try `aws configure` or `aws login`")
    frozen = credentials.get_frozen_credentials()
    own = {
        "AWS_ACCESS_KEY_ID": frozen.access_key,
        "AWS_SECRET_ACCESS_KEY": frozen.secret_key,
        "AWS_SESSION_TOKEN": frozen.token,
        "AWS_REGION": session.region_name,
        "AWS_DEFAULT_REGION": session.region_name,
    }
    kept = {
        name: value
        for name, value in settings.items()
        if name in ALL_VARIABLES or name.startswith("AWS_ENDPOINT_URL")
    }
    return Surroundings(kept | {name: value for name, value in own.items() if value})


def _function_variables(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value for name, value in environment.items() if name in ALL_VARIABLES or name.startswith("AWS_")
    }


def machine_environment() -> dict[str, str]:
    """Return the environment of this process without the variables of the function."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ALL_VARIABLES and not name.startswith("AWS_")
    }
