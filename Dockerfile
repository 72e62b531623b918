# The worker as a container image for AWS Lambda, for x86-64 and arm64.
# FFmpeg comes with the pinned package imageio-ffmpeg, and from nowhere else.
# No HEALTHCHECK: Lambda ignores it, and knows by itself whether the function answers.
ARG BASE_IMAGE=public.ecr.aws/lambda/python:3.13

FROM ${BASE_IMAGE} AS packages
COPY requirements-worker.txt .
# Wheels only, so nothing of a package runs while it is installed. Bytecode is never checked against the
# source again: nothing in an image changes, and every import is spared a look at the disk.
RUN python -m pip install --no-cache-dir --no-compile --only-binary :all: --require-hashes \
        --target /packages -r requirements-worker.txt \
    && rm -rf /packages/bin \
    && find /packages -type d -name tests -prune -exec rm -rf {} + \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /packages

FROM ${BASE_IMAGE} AS code
COPY lambda_function.py /code/
COPY extractor /code/extractor
# Code and nothing else, readable by Lambda's own user whatever the rights in the checkout were.
RUN find /code -type f ! -name '*.py' -delete \
    && python -m compileall -q --invalidation-mode unchecked-hash /code \
    && chmod -R a+rX,go-w /code

FROM ${BASE_IMAGE}
# What changes seldom comes first: a new version of the code is one small layer.
COPY --from=packages /packages ${LAMBDA_TASK_ROOT}
COPY --from=code /code ${LAMBDA_TASK_ROOT}
# Lambda has an unprivileged user of its own; this one is for everywhere else.
USER 65534:65534
# A function whose URL answers with one frame has another command, extractor.on_demand.function.handler:
# docs/howto/on-demand.md
CMD ["lambda_function.lambda_handler"]

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="frame-extractor" \
      org.opencontainers.image.description="An SQS-driven AWS Lambda that turns videos into frames" \
      org.opencontainers.image.licenses="MIT AND GPL-3.0-or-later" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
