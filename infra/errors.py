"""Errors that end a script with one line and an exit status."""


class DeploymentError(Exception):
    """The script cannot do what was asked, or the user declined."""

    status: int = 1


class ArgumentsError(DeploymentError):
    """The command line is wrong."""

    status = 2
