#!/usr/bin/env python3
"""Queue every video that is fetched and not extracted. See `extractor.enqueue.cli`."""

import extractor  # noqa: F401, I001 - first: it rejects Python versions that are too old

import sys

from extractor.enqueue.cli import main

if __name__ == "__main__":
    sys.exit(main())
