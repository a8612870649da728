"""Makes the standard library's blocking calls cooperative. Importing it must be the first thing the process does."""

from gevent import monkey

monkey.patch_all()
