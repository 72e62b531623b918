"""What a mutant is, and whether it still fits the code. Pure."""

from dataclasses import dataclass


class MutantGoneError(Exception):
    """The text that a mutant replaces is not in its file, or not once."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change that breaks something.

    Attributes:
        name: What it breaks; unique.
        file: The file, from the root of the repository.
        before: The exact text that is replaced. It occurs once in the file.
        after: What takes its place.
        tests: Arguments of pytest: the tests of which one must fail.
    """

    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]

    def applied_to(self, text: str) -> str:
        """The file's text with the change. Raises `MutantGoneError`."""
        if (count := text.count(self.before)) != 1:
            raise MutantGoneError(f"{self.name}: {self.file} has {self.before!r} {count} times, and not once")
        return text.replace(self.before, self.after)
