"""Command line of the worker outside of Lambda."""

import logging
import os
import sys
from collections.abc import Sequence

from extractor.cli.environment import load_dotenv_defaults
from extractor.cli.terminal import run_command
from extractor.domain.extras import require
from extractor.serve.arguments import ServeOptions, parse_arguments
from extractor.settings import load_settings

logger = logging.getLogger("extractor.serve")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: The arguments; by default those of the process.

    Returns:
        The exit status.
    """
    return run_command(lambda: _serve(parse_arguments(argv)))


def _serve(options: ServeOptions) -> int:
    require("worker", "the worker")
    # --help and wrong usage do without what the worker imports.
    from extractor.container import build_telemetry
    from extractor.serve.http import watched
    from extractor.serve.supervisor import Supervisor

    load_dotenv_defaults(os.environ)
    build_telemetry(load_settings(os.environ, needed=("sqs_queue_url",)))  # for the parent's own log lines
    supervisor = Supervisor(options)
    with watched(options.listen, supervisor.health, supervisor.metrics) as address:
        where = f"{address.host}:{address.port}" if address else "nowhere"
        logger.info("started", extra={"processes": options.processes, "listen": where})
        return supervisor.run()


if __name__ == "__main__":
    sys.exit(main())
