"""What all tests share."""

from hypothesis import settings

from tests.support.servers.aws import share_models

pytest_plugins = ["tests.support.media.decoding"]

# No test is judged by the clock: a busy machine is not a broken program.
settings.register_profile("without a clock", deadline=None)
settings.load_profile("without a clock")

# Most of the time that a client of AWS takes to be built is that of its service's model.
share_models()
