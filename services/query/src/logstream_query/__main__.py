"""Starts the query service: `python -m logstream_query`."""

import logstream_query.patched  # isort: skip  # noqa: F401

import logging
import sys

from logstream_runtime.config import EXIT_BAD_CONFIG, load_or_exit, masked
from logstream_runtime.logs import set_up_logging

from logstream_query.config import Config
from logstream_query.shared_metrics import shared_metrics

log = logging.getLogger("logstream_query")


def main() -> int:
    config = load_or_exit(Config)
    with shared_metrics():
        # Imported here because of the metrics: see shared_metrics.
        from logstream_query.server import Server
        from logstream_query.store import url_problem

        problem = url_problem(config.database_url)
        if problem:
            print(f"configuration: LOGSTREAM_DATABASE_URL=***: {problem}", file=sys.stderr)
            return EXIT_BAD_CONFIG
        set_up_logging("query", config.log_level)
        log.info("configuration", extra={"settings": masked(config)})
        Server(config).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
