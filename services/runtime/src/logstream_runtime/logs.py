"""Sets up a process's own log: one JSON object a line on standard error, never through logstream itself."""

import logging
import sys
import time

from pythonjsonlogger.json import JsonFormatter


def set_up_logging(service: str, level: str = "info") -> None:
    """Every line has time (UTC), level, logger, message and service, and what was passed as `extra`."""
    formatter = JsonFormatter(
        "{asctime}{levelname}{name}{message}",
        style="{",
        rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        static_fields={"service": service},
        datefmt="%Y-%m-%dT%H:%M:%SZ",
        json_default=str,
    )
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # pika logs each step of a connection attempt as an error; the services log once what matters.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    logging.captureWarnings(True)
