"""`python -m benchmarks.output_cost`: S3 request cost of one video by output form.

The real handler processes a new video, and every call to S3 is counted. The counts do not depend on the
machine, except for one PUT per half minute of run time. Prices are those of `extractor.domain.costs`. Prints
Markdown.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.support.clips import CLIPS, SHORT, ensure, ensure_repeated
from benchmarks.support.deployment import Deployment, deployed
from benchmarks.support.environment import describe_versions
from benchmarks.support.tables import render_table
from extractor.domain.costs import US_EAST_1
from extractor.domain.manifest import Manifest, parse_manifest
from local.lambda_runtime.sqs_event import failed_ids

_HANDLER = "benchmarks.support.counting_handler.handle"
_PORTRAIT = next(clip for clip in CLIPS if clip.name == "h264-portrait")
_OUTPUTS = {
    "frames": {"OUTPUT": "frames"},
    "tar": {"OUTPUT": "tar"},
    "frames, storyboard": {"OUTPUT": "frames", "STORYBOARD": "true"},
    "tar, storyboard": {"OUTPUT": "tar", "STORYBOARD": "true"},
}

# https://aws.amazon.com/s3/pricing, 2025: of the requests that the handler makes, these are charged as a PUT
# (a listing, too), those as a GET, and deleting or giving up an upload is free.
_AS_PUT = {
    "PutObject",
    "CreateMultipartUpload",
    "UploadPart",
    "CompleteMultipartUpload",
    "ListObjectsV2",
}
_AS_GET = {"GetObject", "HeadObject"}
_FREE = {"DeleteObjects", "AbortMultipartUpload"}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.output_cost", description=__doc__)
    parser.parse_args(argv)
    videos = {"portrait": ensure(_PORTRAIT), "720p, 300 s": ensure_repeated(SHORT, 10)}
    with deployed(0) as deployment:
        rows = [
            [name, output, *_row(deployment, video, variables)]
            for name, video in videos.items()
            for output, variables in _OUTPUTS.items()
        ]
    print(f"{describe_versions(['botocore', 'moto'])}.\n")
    heads = ["video", "output", "frames", "MB", "charged as PUT", "as GET", "US$ for a million videos"]
    print(render_table(heads, rows))
    return 0


def _row(deployment: Deployment, video: Path, variables: Mapping[str, str]) -> list[str]:
    changed = replace(deployment, environment={**deployment.environment, **variables})
    order = changed.order(video, 1)
    code = order["Records"][0]["messageId"]
    with changed.function(_HANDLER) as handler:
        answer = handler.invoke(order)
    if failed_ids([code], answer):
        raise RuntimeError(f"the handler gave {code} back")
    calls = {
        name.removeprefix("s3 "): count for name, count in answer["counts"].items() if name.startswith("s3 ")
    }
    if unknown := calls.keys() - _AS_PUT - _AS_GET - _FREE:
        raise RuntimeError(f"nobody has said what these cost: {', '.join(sorted(unknown))}")
    puts, gets = (sum(calls.get(name, 0) for name in names) for names in (_AS_PUT, _AS_GET))
    manifest = _manifest(changed, code)
    usd = 1_000_000 * (puts * US_EAST_1.s3_put + gets * US_EAST_1.s3_get)
    megabytes = manifest.size_bytes / 1e6
    return [str(len(manifest.frames)), f"{megabytes:.1f}", str(puts), str(gets), f"{usd:.2f}"]


def _manifest(deployment: Deployment, code: str) -> Manifest:
    cloud = deployment.cloud
    found = cloud.s3().get_object(Bucket=cloud.FRAMES_BUCKET, Key=f"{code}/manifest.json")
    manifest = parse_manifest(found["Body"].read())
    assert manifest is not None
    return manifest


if __name__ == "__main__":
    raise SystemExit(main())
