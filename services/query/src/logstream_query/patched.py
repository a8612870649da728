"""Makes the standard library's blocking calls cooperative. It must be the first import of the process: psycopg, for example,
decides when it is imported how it waits for the server."""

from gevent import monkey

monkey.patch_all()
