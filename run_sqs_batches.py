#!/usr/bin/env python3
"""Command line: queue every video that is fetched and not extracted yet. See `extractor.enqueue.cli`."""

import extractor  # noqa: F401, I001 - first: it refuses a Python that is too old

import sys

from extractor.enqueue.cli import main

if __name__ == "__main__":
    sys.exit(main())
