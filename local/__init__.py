"""Run the project without an AWS account: embedded S3 and SQS, a local Lambda runtime, and the demo.

Nothing in this package is part of the deployed function, and nothing in `extractor` imports it.
"""

import extractor  # noqa: F401 - it rejects Python versions that are too old
