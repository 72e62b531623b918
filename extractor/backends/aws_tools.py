"""The same clients of AWS by way of boto3, for the command-line tools.

boto3 adds 40 ms to the start of a process. A command line can spare them and the cold start of the worker
cannot: the worker takes `extractor.backends.aws.build_client`.
"""

from typing import TYPE_CHECKING, Any, cast

import boto3

from extractor.backends.aws import botocore_session

if TYPE_CHECKING:
    from botocore.config import Config


def build_boto3_client(service: str, config: "Config") -> Any:
    """A client of boto3. It sends what the client of `extractor.backends.aws.build_client` sends, and raises
    the same errors of botocore.

    Args:
        service: The name of the service, such as ``s3``.
        config: Time-outs, retries and the size of the connection pool.

    Raises:
        BotoCoreError: A setting of AWS is wrong; `extractor.backends.aws.wrong_setting` names it.
        ValueError: The endpoint is no address.
        OSError: A file that a setting names cannot be read.
    """
    session = boto3.Session(botocore_session=botocore_session())
    return cast("Any", session).client(service, config=config)  # its stubs know literal names only
