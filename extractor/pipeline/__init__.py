"""From a message to stored frames: the worker, one job, one file."""
