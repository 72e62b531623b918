"""What surrounds a single local invocation: an embedded cloud with one video in it, or a real account."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3

from extractor.cli.terminal import env_file
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
    """The function's variables; with an embedded cloud also that cloud, the video in it, and the folder that
    the function must be able to write to."""

    environment: Mapping[str, str]
    shared: Path | None = None
    cloud: EmbeddedCloud | None = None
    video: DemoVideo | None = None


def is_file(what: str) -> bool:
    """Whether a person means a file, there or not, and no code."""
    return "/" in what or bool(Path(what).suffix)


def code_for(what: str) -> str:
    """The code under which a file is stored, or the code itself. Raises `VideoFileError`."""
    return given_videos([Path(what)])[0].code if is_file(what) else what


@contextmanager
def embedded_cloud(what: str) -> Iterator[Surroundings]:
    """S3, SQS and a state on this machine, with the file `what`, or a sample video under the code `what`."""
    with tempfile.TemporaryDirectory(prefix="frame-extractor-") as directory, ExitStack() as stack:
        workspace = stack.enter_context(open_workspace(Path(directory, "workspace")))
        cloud = stack.enter_context(EmbeddedCloud(log=workspace.logs / "cloud.log"))
        path = Path(what) if is_file(what) else make_clips(workspace.clips, CLIPS[:1])[0]
        video = DemoVideo(code_for(what), what, path)
        upload(cloud, workspace, [video])
        # In a container the function is somebody else; from outside, the temporary folder is closed.
        workspace.root.chmod(0o777)
        workspace.state.chmod(0o666)
        environment = _of_the_function(demo_environment(cloud, workspace, os.environ))
        yield Surroundings(environment, workspace.root, cloud, video)


def account() -> Surroundings:
    """The caller's own credentials and settings (of `.env`, too), as Lambda would hand them to the function.

    Raises `DemoError` if there are no credentials, or `.env` cannot be read.
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


def _of_the_function(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value for name, value in environment.items() if name in ALL_VARIABLES or name.startswith("AWS_")
    }


def machine_environment() -> dict[str, str]:
    """What a process needs on this machine, without anything that is the function's."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ALL_VARIABLES and not name.startswith("AWS_")
    }
