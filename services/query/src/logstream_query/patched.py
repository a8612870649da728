"""Makes the standard library's blocking calls cooperative. Importing it must be the first thing the process does: psycopg,
for one, chooses how it waits for the server when it is imported."""

from gevent import monkey

monkey.patch_all()
