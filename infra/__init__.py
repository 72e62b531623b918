"""Deployment of the CloudFormation stack in ``template.yaml``: `infra.deploy` and `infra.destroy`.

scripts/deploy.sh and scripts/destroy.sh run them from the repository; they are neither in the wheel nor in
the image.
"""

from pathlib import Path

TEMPLATE = Path(__file__).with_name("template.yaml")
