"""Open files, of which each connection is one: many systems allow a process 1,024 unless it asks for more."""

import logging
import resource

log = logging.getLogger(__name__)


def allow_files(count: int) -> None:
    """Raises this process's limit of open files to count, or as far as the system lets it, and warns where that is less."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < enough:
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))
    if enough < count:
        log.warning("fewer files may be open than connections are foreseen", extra={"allowed": hard, "wanted": count})
