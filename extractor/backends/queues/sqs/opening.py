"""Open a queue by its URL."""

from typing import TYPE_CHECKING

from extractor.backends.aws import mapping_settings_errors
from extractor.backends.queues.sqs.client import build_sqs_client
from extractor.backends.queues.sqs.queue import SqsQueue
from extractor.errors import SettingsError

if TYPE_CHECKING:
    from extractor.backends.aws import ClientBuilder


def standard_queue(url: str | None) -> str:
    """Return the URL of a standard queue.

    Args:
        url: The URL; ``None`` if it is not set.

    Raises:
        SettingsError: It is not set, or that of a FIFO queue.
    """
    if url is None:
        raise SettingsError("SQS_QUEUE_URL: is not set")
    if url.endswith(".fifo"):
        raise SettingsError(
            "SQS_QUEUE_URL or DEAD_LETTER_QUEUE_URL: a FIFO queue cannot be used; make a standard one"
        )
    return url


def open_queue(url: str | None, attempts: int, clients: "ClientBuilder", group: str = "") -> SqsQueue:
    """Open a standard queue.

    Args:
        url: Its URL; ``None`` if it is not set.
        attempts: How often a call is tried.
        clients: Builds the client.
        group: The message group of everything that is sent; empty for none.

    Raises:
        SettingsError: The URL is missing or that of a FIFO queue, or the AWS settings are wrong.
    """
    checked = standard_queue(url)
    with mapping_settings_errors():
        return SqsQueue(build_sqs_client(attempts, clients), checked, group)
