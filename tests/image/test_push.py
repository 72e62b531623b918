"""scripts/build_docker.sh --push, by the real AWS CLI and podman, to moto's ECR and a real registry.

A repository with the script and a very small image of its own stands for this one, so that its commits and
its changes are the test's.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.cloud import EmbeddedCloud
from local.embedded.child_process import ROOT
from tests.image.conftest import run
from tests.image.registry import Registry, serving_registry

_HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
_NAME = "video-frames-extractor"
_LABEL = "frame-extractor.test=push"
_DOCKERFILE = f"FROM scratch\nLABEL {_LABEL}\nCOPY Dockerfile /\n"


@dataclass(frozen=True, slots=True)
class Account:
    """An account with an ECR, and a folder with something to build."""

    ecr: Any
    registry: Registry
    sources: Path
    environment: Mapping[str, str]

    def push(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self.sources / "scripts" / "build_docker.sh", "--engine", "podman", "--push", *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def write(self, more: str = "") -> None:
        (self.sources / "Dockerfile").write_text(_DOCKERFILE + more)

    def commit(self) -> str:
        """Everything; as it is called in a tag."""
        if not (self.sources / ".git").exists():
            self._git("init", "--quiet")
        self._git("add", ".")
        self._git("commit", "--quiet", "--message", "work")
        return self._git("rev-parse", "HEAD")[:12]

    def tell_the_api(self, tag: str) -> None:
        """What was pushed: ECR's registry and API are one thing, these know nothing of each other."""
        manifest = self.registry.manifest(_NAME, tag)
        self.ecr.put_image(repositoryName=_NAME, imageTag=tag, imageManifest=manifest)

    def repositories(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ecr.describe_repositories()["repositories"]
        return found

    def _git(self, *arguments: str) -> str:
        who = ("-c", "user.name=Test", "-c", "user.email=test@localhost")
        return run(["git", "-C", self.sources, *who, *arguments]).strip()


@pytest.fixture(scope="module")
def registry(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with serving_registry(_HOST, tmp_path_factory.mktemp("registry")) as running:
        yield running
    run([engine, "image", "prune", "--all", "--force", "--filter", f"label={_LABEL}"])


@pytest.fixture
def account(registry: Registry, cloud: EmbeddedCloud, tmp_path: Path) -> Iterator[Account]:
    sources = tmp_path / "sources"
    (sources / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "build_docker.sh", sources / "scripts")
    session = boto3.Session("local", "local", region_name="us-east-1")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/usr/sbin:/bin:/sbin",
        "HOME": str(tmp_path),
        **{name: os.environ[name] for name in ("CONTAINERS_CONF", "BUILDAH_ISOLATION")},
        **cloud.environment(),
        **registry.environment,
    }
    account = Account(session.client("ecr", endpoint_url=cloud.endpoint_url), registry, sources, environment)
    account.write()
    yield account
    for repository in account.repositories():
        account.ecr.delete_repository(repositoryName=repository["repositoryName"], force=True)


def test_the_first_push_makes_a_repository_whose_tags_cannot_be_changed(account: Account) -> None:
    commit = account.commit()
    result = account.push()
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"{_HOST}/{_NAME}:{commit}"
    assert account.registry.manifest(_NAME, commit)
    (repository,) = account.repositories()
    assert repository["repositoryName"] == _NAME
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}


def test_a_commit_that_was_pushed_is_success_and_is_not_built_again(account: Account) -> None:
    commit = account.commit()
    account.push()
    account.tell_the_api(commit)
    result = account.push()
    assert result.returncode == 0, result.stderr
    told, uri = result.stdout.splitlines()
    assert "this commit is in ECR already; nothing was built" in told
    assert uri == f"{_HOST}/{_NAME}:{commit}"


def test_the_next_commit_goes_into_the_repository_that_is_there(account: Account) -> None:
    account.commit()
    account.push()
    account.write("LABEL more=yes\n")
    commit = account.commit()
    result = account.push()
    assert result.returncode == 0, result.stderr
    assert "created the repository" not in result.stdout
    assert account.registry.manifest(_NAME, commit)


def test_a_tag_of_ones_own_that_is_taken_is_refused_before_the_build(account: Account) -> None:
    account.commit()
    account.push("--tag", f"{_NAME}:mine")
    account.tell_the_api("mine")
    account.write("LABEL more=yes\n")
    account.commit()
    before = account.registry.manifest(_NAME, "mine")
    result = account.push("--tag", f"{_NAME}:mine")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "a tag in ECR cannot be changed: give another --tag" in result.stderr
    assert account.registry.manifest(_NAME, "mine") == before


def test_a_platform_has_tags_of_its_own(account: Account) -> None:
    account.write("LABEL platform=arm64\n")  # or podman takes the layers of another platform
    commit = account.commit()
    result = account.push("--platform", "linux/arm64")
    assert result.returncode == 0, result.stderr
    hint, uri = result.stdout.splitlines()[-2:]
    assert "--parameter Architecture=arm64" in hint
    assert uri == f"{_HOST}/{_NAME}:{commit}-arm64"


@pytest.mark.parametrize("name", ["Dockerfile", "never-added"])
def test_what_is_not_committed_is_not_pushed_under_a_commit(account: Account, name: str) -> None:
    account.commit()
    with (account.sources / name).open("a") as file:
        file.write("LABEL more=yes\n")
    result = account.push()
    assert result.returncode == 1
    assert "some changes are not committed" in result.stderr
    assert account.repositories() == []
    assert account.push("--tag", f"{_NAME}:dirty").returncode == 0


def test_without_git_a_tag_has_to_be_given(account: Account) -> None:
    result = account.push()
    assert result.returncode == 1
    assert "git does not tell the commit" in result.stderr
    assert account.push("--tag", f"{_NAME}:released").returncode == 0


def test_what_cannot_be_built_is_not_pushed(account: Account) -> None:
    account.write("COPY no-such-file /\n")
    account.commit()
    result = account.push()
    assert result.returncode != 0
    assert account.repositories() == []
