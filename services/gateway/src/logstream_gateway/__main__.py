"""Starts the gateway: `python -m logstream_gateway`."""

import logging
import sys

import uvloop
from logstream_runtime.admin import AdminServer
from logstream_runtime.config import load_or_exit, masked
from logstream_runtime.logs import set_up_logging
from prometheus_client import REGISTRY, CollectorRegistry

from logstream_gateway import processes
from logstream_gateway.config import Config
from logstream_gateway.metrics import Metrics
from logstream_gateway.overseer import Readiness
from logstream_gateway.server import serve

log = logging.getLogger("logstream_gateway")


def main() -> int:
    config = load_or_exit(Config)
    set_up_logging("gateway", config.log_level)
    worker = sys.argv[1:] == [processes.WORKER_ARGUMENT]
    if not worker:
        log.info("configuration", extra={"settings": masked(config)})
    try:
        if config.processes > 1 and not worker:
            return processes.run(config)
        if worker:
            uvloop.run(serve(config, Metrics(CollectorRegistry()), Readiness()))
            return 0
        readiness = Readiness()
        admin = AdminServer(config.admin_listen, REGISTRY, ready=readiness)
        admin.start()
        uvloop.run(serve(config, Metrics(REGISTRY), readiness))
        admin.close()
    except OSError as error:
        log.error("cannot start", extra={"error": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
