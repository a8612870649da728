"""Starts the stream service: `python -m logstream_stream`."""

import logstream_stream.patched  # isort: skip  # noqa: F401

import logging
import sys

from logstream_runtime.config import load_or_exit, masked
from logstream_runtime.logs import set_up_logging

from logstream_stream.config import Config
from logstream_stream.server import Server

log = logging.getLogger("logstream_stream")


def main() -> int:
    config = load_or_exit(Config)
    set_up_logging("stream", config.log_level)
    log.info("configuration", extra={"settings": masked(config)})
    Server(config).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
