"""Build AWS clients with boto3, for the command lines.

Importing boto3 takes 40 ms. Command lines can afford that; the cold start of the worker cannot, so the
worker uses `extractor.backends.aws.build_client`.
"""

from typing import TYPE_CHECKING, Any, cast

import boto3

from extractor.backends.aws import botocore_session

if TYPE_CHECKING:
    from botocore.config import Config


def build_boto3_client(service: str, config: "Config") -> Any:
    """Build a boto3 client.

    It sends the same requests and raises the same botocore errors as the client of
    `extractor.backends.aws.build_client`.

    Args:
        service: The service name, such as ``s3``.
        config: Timeouts, retries and the size of the connection pool.

    Raises:
        BotoCoreError: An AWS setting is wrong; `extractor.backends.aws.wrong_setting` names it.
        ValueError: The endpoint is not a URL.
        OSError: A file that a setting names cannot be read.
    """
    session = boto3.Session(botocore_session=botocore_session())
    return cast("Any", session).client(service, config=config)  # the stubs accept literal service names only
