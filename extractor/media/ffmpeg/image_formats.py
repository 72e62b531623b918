"""The image encoders of FFmpeg. Pure."""

from collections.abc import Mapping

from extractor.domain.policy import ImageFormat, SamplingPolicy


def encoder_options(policy: SamplingPolicy) -> Mapping[str, object]:
    """FFmpeg's options for the format and the quality that are asked for."""
    options: Mapping[ImageFormat, Mapping[str, object]] = {
        "jpg": {"c:v": "mjpeg", "q:v": jpeg_qscale(policy.quality), "qmin": 1},
        "webp": {"c:v": "libwebp", "quality": policy.quality},
        "png": {"c:v": "png"},
    }
    return options[policy.image_format]


def jpeg_qscale(quality: int) -> int:
    """FFmpeg's quantiser (1 best - 31) for a `quality` of 1-100 on libjpeg's scale.

    libjpeg scales its tables by 5000/q percent below 50 and 200-2q above; FFmpeg by qscale/8.
    """
    percent = 5000 / quality if quality < 50 else 200 - 2 * quality
    return min(31, max(1, round(percent * 8 / 100)))
