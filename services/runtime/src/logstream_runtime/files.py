"""The limit of open files. Each connection counts as one, and many systems allow a process 1,024 unless it asks for more."""

import logging
import resource

log = logging.getLogger(__name__)


def allow_files(count: int) -> None:
    """Raises the limit of open files of this process to count, or as far as the system allows, and warns if that is less."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < enough:
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))
    if enough < count:
        log.warning(
            "the limit of open files is lower than the number of connections that may be needed",
            extra={"allowed": hard, "wanted": count},
        )
