"""Errors of the demo that the user can fix; the message says how."""


class DemoError(Exception):
    """Base class of the demo's errors."""


class VideoFileError(DemoError):
    """A given video file cannot be used."""


class WorkspaceError(DemoError):
    """The output folder cannot be used."""


class FramesError(DemoError):
    """The objects in the frames bucket do not match the manifest."""
