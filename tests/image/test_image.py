"""The image from the real Dockerfile: what is in it, and that it works as it would on Lambda."""

import json
from typing import Any

from local.embedded.child_process import ROOT
from local.lambda_runtime.container import ContainerConfig, ContainerFunction
from tests.image.conftest import run
from tests.local.emulator.conftest import World

NOT_THE_FUNCTION_S = {"PATH", "WORK_DIR"}


def _shell(engine: str, image: str, script: str) -> list[str]:
    return run([engine, "run", "--rm", "--entrypoint", "sh", image, "-c", script]).splitlines()


def _config(engine: str, image: str) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(run([engine, "image", "inspect", image]))[0]
    return config


def test_the_code_in_the_image_is_that_of_the_repository_compiled_and_nothing_else(
    engine: str, image: str
) -> None:
    found = set(_shell(engine, image, "cd /var/task && find extractor lambda_function.py -type f"))
    code = {str(path.relative_to(ROOT)) for path in (ROOT / "extractor").rglob("*.py")} | {
        "lambda_function.py"
    }
    assert {name for name in found if not name.endswith(".pyc")} == code
    assert len([name for name in found if name.endswith(".pyc")]) == len(code - {"lambda_function.py"})


def test_no_secrets_tests_or_caches_are_in_the_image(engine: str, image: str) -> None:
    kinds = "-name '.env*' -o -name .git -o -type d -name tests -o -path '*/.cache/pip/*'"
    assert _shell(engine, image, f"find /var/task /root /tmp {kinds} 2>/dev/null || true") == []


def test_the_image_says_what_it_is_and_does_not_run_as_root(engine: str, image: str) -> None:
    config = _config(engine, image)["Config"]
    assert config["User"] == "65534:65534"
    assert config["Cmd"] == ["lambda_function.lambda_handler"]
    assert config["Labels"]["org.opencontainers.image.revision"] != "unknown"
    assert "Healthcheck" not in config


def test_the_image_answers_an_sqs_event_under_its_own_emulator(
    engine: str, image: str, world: World, clip: bytes
) -> None:
    world.add_video("in-the-image", clip)
    world.add_video("broken-in-the-image", clip[: len(clip) // 2])
    world.directory.chmod(0o777)  # the image's user is nobody here
    world.database.chmod(0o666)
    environment = {
        name: value for name, value in world.environment().items() if name not in NOT_THE_FUNCTION_S
    }
    config = ContainerConfig(engine, image, environment, 120, 2_048, world.directory)
    event = world.receive('{"code": "in-the-image"}', '{"code": "broken-in-the-image"}')
    with world.log.open("ab") as output, ContainerFunction(config, output) as function:
        assert function.invoke(event) == {"batchItemFailures": []}, world.log.read_text()
    assert world.is_extracted("in-the-image")
    assert len(world.manifest("in-the-image").frames) == 3
    assert not world.is_extracted("broken-in-the-image")
