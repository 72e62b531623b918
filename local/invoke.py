"""Run one invocation under AWS's Runtime Interface Emulator.

`python -m local.invoke [options] [VIDEO | CODE]`. The response goes to standard output, the logs to standard
error. Exits with 0 if the function succeeded, 1 if it failed, timed out or reported a failed video, 2 if it
could not be run, 130 after Ctrl-C.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError

from extractor.cli.terminal import path_argument, text_argument
from local.demo.workspace import Workspace, open_workspace
from local.embedded.child_process import ROOT, ChildEndedError
from local.environments import Surroundings, account, code_for, embedded_cloud, is_file, machine_environment
from local.errors import DemoError
from local.lambda_runtime.container import ContainerConfig, ContainerError, ContainerFunction, find_engine
from local.lambda_runtime.emulator import EmulatedFunction
from local.lambda_runtime.emulator_binary import EmulatorUnavailableError
from local.lambda_runtime.function import FunctionError
from local.readable_logs import readable
from local.saved_result import keep, show

_IMAGE = "video-frames-extractor:local"


def main() -> int:
    parser = _parser()
    arguments = parser.parse_args()
    try:
        event = _event(arguments, parser)
        with _workspace(arguments.out) as workspace, _function(arguments) as (function, surroundings):
            start = time.monotonic()
            answer = function.invoke(event)
            cloud, video = surroundings.cloud, surroundings.video
            if workspace and cloud and video:
                page = keep(cloud, workspace, video, answer, time.monotonic() - start)
                print(f"The frames are in {workspace.frames}\nOpen {page}", file=sys.stderr)
                show(page)
    except KeyboardInterrupt:
        return 130
    except FunctionError as error:
        print(f"error: the function failed: {error}", file=sys.stderr)
        return 1
    except (DemoError, ContainerError, EmulatorUnavailableError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError, ChildEndedError) as error:
        print(f"error: the function could not be run: {error}", file=sys.stderr)
        return 2
    print(json.dumps(answer, indent=2, ensure_ascii=False))
    return 1 if has_failures(answer) else 0


def has_failures(answer: object) -> bool:
    """Return whether the handler's response has a record to retry, or a failed video."""
    match answer:
        case {"batchItemFailures": failures}:
            return bool(failures)
        case {"results": [*results]}:
            return any(isinstance(result, dict) and result.get("outcome") == "failed" for result in results)
        case _:
            return False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="invoke_local.sh",
        description="Run the function under the Lambda Runtime Interface Emulator and send it one event.",
        epilog="Without --aws, S3, SQS and the state run on this machine, with a sample video under CODE. "
        "The response goes to standard output, the logs to standard error. Exit status: 0: success; 1: the "
        "function failed or timed out, or a video failed; 2: the function could not be run.",
    )
    parser.add_argument(
        "what",
        nargs="?",
        type=text_argument,
        default="sample",
        metavar="VIDEO | CODE",
        help="a video file, or a code (default: sample)",
    )
    parser.add_argument(
        "--event",
        type=path_argument,
        metavar="FILE",
        help="send this JSON instead of a message for the video",
    )
    parser.add_argument(
        "--out",
        type=path_argument,
        metavar="DIR",
        help="save the frames and a page that shows them to this folder (default: discard them)",
    )
    parser.add_argument("--aws", action="store_true", help="use the S3, SQS and state that .env names")
    parser.add_argument("--timeout", type=_positive, default=900, metavar="SECONDS", help="default: 900")
    parser.add_argument("--memory", type=_positive, default=2_048, metavar="MB", help="default: 2048")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--docker",
        action="store_true",
        help="run the container image (default if Docker or podman is available)",
    )
    where.add_argument("--no-docker", action="store_true", help="run in this project's Python environment")
    parser.add_argument(
        "--image", type=text_argument, metavar="NAME", help="use this existing image (default: build one)"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _event(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> Any:
    """Return the event to send; reject invalid combinations of options before anything starts."""
    if arguments.aws and is_file(arguments.what):
        parser.error("--aws takes a CODE: nothing is uploaded to a real bucket")
    if arguments.aws and arguments.out:
        parser.error("--out is for the embedded cloud; with --aws, the frames are in the real bucket")
    if arguments.event is None:
        return {"code": code_for(arguments.what)}
    try:
        return json.loads(arguments.event.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DemoError(f"{arguments.event} is not JSON: {error}") from error


@contextmanager
def _workspace(out: Path | None) -> Iterator[Workspace | None]:
    """Open the folder of --out, if given."""
    if out is None:
        yield None
        return
    with open_workspace(out) as workspace:
        yield workspace


@contextmanager
def _function(
    arguments: argparse.Namespace,
) -> "Iterator[tuple[EmulatedFunction | ContainerFunction, Surroundings]]":
    """Start the function in its environment."""
    engine = None if arguments.no_docker else find_engine()
    if arguments.docker and engine is None:
        raise DemoError("neither Docker nor podman answers on this machine")
    image = (arguments.image or _build_image(engine)) if engine else ""
    with ExitStack() as stack:
        surroundings = account() if arguments.aws else stack.enter_context(embedded_cloud(arguments.what))
        output = stack.enter_context(_printed_logs())
        if engine is None:
            emulated = EmulatedFunction(
                {**machine_environment(), **surroundings.environment},
                timeout_seconds=arguments.timeout,
                memory_mb=arguments.memory,
                output=output,
            )
            yield stack.enter_context(emulated), surroundings
        else:
            config = ContainerConfig(
                engine,
                image,
                surroundings.environment,
                arguments.timeout,
                arguments.memory,
                surroundings.shared,
            )
            yield stack.enter_context(ContainerFunction(config, output)), surroundings


def _build_image(engine: str | None) -> str:
    command = [str(ROOT / "scripts" / "build_docker.sh"), "--tag", _IMAGE]
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode != 0:
        raise DemoError(f"{engine} could not build the image; its own message is above")
    return _IMAGE


@contextmanager
def _printed_logs() -> Iterator[IO[bytes]]:
    """Yield a file whose lines are printed in readable form."""
    reading, writing = os.pipe()

    def show() -> None:
        with os.fdopen(reading, encoding="utf-8", errors="replace", newline="\n") as lines:
            for line in lines:
                print(readable(line.rstrip("\n")), file=sys.stderr, flush=True)

    thread = Thread(target=show, daemon=True)
    thread.start()
    with os.fdopen(writing, "wb") as output:
        yield output
    thread.join()


if __name__ == "__main__":
    sys.exit(main())
