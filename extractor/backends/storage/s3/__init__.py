"""S3 as an `ObjectStore`. What arrives is complete, what is stored is verified by S3 itself, and every
failure is one of ours."""

from extractor.backends.storage.s3.client import build_s3_client
from extractor.backends.storage.s3.store import S3ObjectStore, S3ObjectStream

__all__ = ["S3ObjectStore", "S3ObjectStream", "build_s3_client"]
