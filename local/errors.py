"""What stops the demo and a person can do something about; the text says what."""


class DemoError(Exception):
    """Root of the demo's own errors."""


class VideoFileError(DemoError):
    """A file that was named cannot be used."""


class WorkspaceError(DemoError):
    """The output folder cannot be used."""


class FramesError(DemoError):
    """What is in the frames bucket is not what the manifest says."""
