"""Child process of the embedded cloud (`python -m local.embedded.server DESCRIPTOR`).

Serves moto's S3 and SQS on a free port of 127.0.0.1, reports the port to the parent, and ends with it.
"""

import json
import logging
import sys

from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from local.embedded.child_process import end_group, parent_connection


def main(descriptor: str) -> None:
    connection = parent_connection(descriptor)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    connection.send_bytes(json.dumps({"port": port}).encode())
    connection.poll(None)  # the parent sends nothing: this returns when its end closes
    end_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
