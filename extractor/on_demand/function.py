"""AWS Lambda entry point of a function URL: answer with one frame of a video.

Who may ask is decided by IAM, before the function is called.
"""

import os
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from extractor.cli.startup import gc_frozen

# As in lambda_function.py.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

with gc_frozen():
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from extractor.backends.telemetry import Telemetry, logger
    from extractor.container import build_extractor_config, build_telemetry, build_video_locator
    from extractor.domain.policy import SamplingPolicy
    from extractor.errors import ExtractorError, detail_of
    from extractor.on_demand.request import METHODS, image_etag, method_of, parse_request
    from extractor.on_demand.response import (
        Response,
        failure_response,
        image_response,
        method_not_allowed,
        not_modified,
        without_body,
    )
    from extractor.pipeline.download import Downloads
    from extractor.pipeline.extract import ExtractorConfig
    from extractor.pipeline.needed_bytes import FetchRules
    from extractor.pipeline.single_frame import take_frame
    from extractor.pipeline.source import VideoLocator, open_video
    from extractor.settings import load_settings


class Viewer:
    """Answers requests for frames.

    Args:
        locator: Where the videos are.
        downloads: Fetches them, or what is needed of them.
        config: How they are decoded.
        defaults: The image options of requests without their own.
        telemetry: Logs and traces.
    """

    def __init__(
        self,
        locator: VideoLocator,
        downloads: Downloads,
        config: ExtractorConfig,
        defaults: SamplingPolicy,
        telemetry: Telemetry,
    ) -> None:
        self._locator = locator
        self._downloads = downloads
        self._config = config
        self._defaults = defaults
        self.telemetry = telemetry

    def answer(self, event: Mapping[str, Any], deadline: float) -> Response:
        """Return the response to a request.

        Args:
            event: The request.
            deadline: When the work must end, as of `time.monotonic()`.
        """
        method = method_of(event)
        if method not in METHODS:
            return method_not_allowed(METHODS)
        try:
            response = self._image(event, deadline)
        except ExtractorError as error:
            response = failure_response(error)
            logger.warning("no frame", extra={"reason": error.reason, "detail": detail_of(error)})
        return without_body(response) if method == "HEAD" else response

    def _image(self, event: Mapping[str, Any], deadline: float) -> Response:
        request = parse_request(event, self._defaults)
        job = request.job
        with open_video(job, self._locator) as source:
            etag = image_etag(source.video, job.policy)
            if request.knows(etag):
                return not_modified(etag)
            frame = take_frame(source, job, self._downloads, self._config, deadline)
        logger.info("frame", extra={"code": job.code, "fetched_bytes": frame.fetched_bytes})
        return image_response(frame.data, job.policy.image_format, frame.pts_seconds, etag)


@logger.inject_lambda_context
def handler(event: Mapping[str, Any], context: LambdaContext) -> Response:
    """Handle one request.

    Args:
        event: The request, in Lambda's payload format 2.0.
        context: The invocation.

    Returns:
        The response: an image, nothing that the client does not have already, or a reason as JSON.
    """
    viewer = _viewer()
    remaining = context.get_remaining_time_in_millis() / 1000
    try:
        return viewer.answer(event, time.monotonic() + remaining * 0.9)
    finally:
        viewer.telemetry.flush()


@cache
@gc_frozen()
def _viewer() -> Viewer:
    settings = load_settings(os.environ, only_reads=True)
    config = build_extractor_config(settings, records=1)
    locator = build_video_locator(settings)
    downloads = Downloads(settings.work_dir, locator.max_bytes, FetchRules(settings.fetch, config))
    return Viewer(locator, downloads, config, settings.policy, build_telemetry(settings))
