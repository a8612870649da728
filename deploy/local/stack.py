#!/usr/bin/env python3
"""Entry point of the local stack: logstream on a bare Debian machine, without Docker.

It only finds the package beside it and hands over; it must run on the system's Python before any environment exists.
"""

import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - told to people with an older one, in words
    sys.exit(f"logstream needs Python 3.11 or newer, this is {sys.version.split()[0]}; use `docker compose up` instead")

# Under sudo these files would be root's, in a checkout that is not.
sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from logstream_local.cli import main  # noqa: E402 - the package is found only after the lines above

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
