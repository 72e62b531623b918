"""What all tests share."""

from hypothesis import settings

pytest_plugins = ["tests.support.media.decoding"]

# No test is judged by the clock: a busy machine is not a broken program.
settings.register_profile("without a clock", deadline=None)
settings.load_profile("without a clock")
