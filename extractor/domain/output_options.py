"""In what form the frames of a video are handed over, and what comes with them."""

from typing import Literal, get_args

from msgspec import Struct

OutputForm = Literal["frames", "tar"]

OUTPUT_FORMS: tuple[OutputForm, ...] = get_args(OutputForm)


class OutputOptions(Struct, frozen=True):
    """`form`: an object for each frame, or one tar of them all. With `storyboard`, there are a contact sheet
    and a track of thumbnails besides."""

    form: OutputForm = "frames"
    storyboard: bool = False
