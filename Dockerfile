# syntax=docker/dockerfile:1
# The worker as a container image for AWS Lambda. FFmpeg comes with pip (imageio-ffmpeg).
ARG BASE_IMAGE=public.ecr.aws/lambda/python:3.13

FROM ${BASE_IMAGE} AS dependencies
COPY requirements.txt .
RUN python -m pip install --no-cache-dir --require-hashes --target /packages -r requirements.txt \
    && python -m compileall -q -j 0 /packages

FROM ${BASE_IMAGE}
COPY --from=dependencies /packages ${LAMBDA_TASK_ROOT}
COPY lambda_function.py ${LAMBDA_TASK_ROOT}/
COPY extractor ${LAMBDA_TASK_ROOT}/extractor
RUN python -m compileall -q ${LAMBDA_TASK_ROOT}/lambda_function.py ${LAMBDA_TASK_ROOT}/extractor
CMD ["lambda_function.lambda_handler"]
