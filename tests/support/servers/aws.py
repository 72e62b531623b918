"""An AWS on this machine: moto's server, and the variables that lead to it and nowhere else."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.loaders import Loader


@contextmanager
def moto_server() -> Iterator[str]:
    """A running server, in threads of this process; gives its URL."""
    # Whoever only needs the variables does not wait for all of moto.
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def aws_variables(url: str) -> dict[str, str]:
    """What an SDK must find to use the server at `url`, with credentials that are made up."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def share_models() -> None:
    """Let all botocore sessions of this process share the models of services that were read once.

    A session's loader keeps what it read; most tests have a session of their own, whose loader begins with
    nothing.
    """
    shared: dict[Any, Any] = {}
    begin = Loader.__init__

    def begin_with_shared(self: Loader, *arguments: Any, **options: Any) -> None:
        begin(self, *arguments, **options)
        self._cache = shared  # type: ignore[attr-defined]

    Loader.__init__ = begin_with_shared  # type: ignore[method-assign]
