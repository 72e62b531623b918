"""Amazon S3 as an `ObjectStore`, with checksums, conditional writes and mapped errors."""

from extractor.backends.storage.s3.client import build_s3_client
from extractor.backends.storage.s3.store import S3ObjectStore, S3ObjectStream

__all__ = ["S3ObjectStore", "S3ObjectStream", "build_s3_client"]
