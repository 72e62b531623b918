"""Object stores: the interface in `base`, S3, and a local folder."""
