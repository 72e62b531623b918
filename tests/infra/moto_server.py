"""`local.embedded.server`, with the C parser of PyYAML: moto parses the template at nearly every call."""

import sys

import yaml

if hasattr(yaml, "CLoader"):
    yaml.Loader = yaml.loader.Loader = yaml.CLoader

from local.embedded.server import main

if __name__ == "__main__":
    main(*sys.argv[1:])
