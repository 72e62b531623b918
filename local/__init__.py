"""The project without an AWS account: an embedded S3 and SQS, a Lambda-like function and its event
source mapping, and the demo that runs the real handler against them.

Nothing in here is part of the deployed function; nothing in `extractor` imports it.
"""

import extractor  # noqa: F401 - it refuses a Python that is too old
