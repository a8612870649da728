"""Places of a test's own on the servers of a stack: an empty migrated database, a virtual host of the broker, a Redis
database. They must be gone after the test, and never touch what the stack's own services use."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import redis
from psycopg import sql

from harness.broker import Broker

MIGRATE = (sys.executable, "-m", "logstream_writer", "migrate")
MIGRATE_S = 120
# The stack's services use database 0; 15 is the last one of Redis's default.
REDIS_DATABASE = 15


def _named(url: str, path: str) -> str:
    return urlsplit(url)._replace(path=f"/{path}").geturl()


@contextmanager
def own_database(database_url: str, superuser_url: str) -> Iterator[str]:
    """The address of a new database with the product's tables, beside the one at database_url and with the same owner."""
    plain = f"test_{uuid.uuid4().hex[:12]}"
    name = sql.Identifier(plain)
    owner = sql.Identifier(urlsplit(database_url).username or "")
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} owner {}").format(name, owner))
    try:
        with psycopg.connect(_named(superuser_url, plain), autocommit=True) as connection:
            connection.execute("create extension if not exists timescaledb")
        url = _named(database_url, plain)
        migrate(url)
        yield url
    finally:
        with psycopg.connect(superuser_url, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(name))


def migrate(database_url: str) -> None:
    """Brings the tables up to date, as an operator does."""
    settings = {"LOGSTREAM_DATABASE_URL": database_url}
    done = subprocess.run(MIGRATE, env=os.environ | settings, capture_output=True, text=True, timeout=MIGRATE_S, check=False)
    assert done.returncode == 0, f"{' '.join(MIGRATE)}: exit status {done.returncode}\n{done.stderr[-3_000:]}"


@contextmanager
def own_vhost(rabbitmq_url: str, broker: Broker) -> Iterator[str]:
    """The AMQP address of a new virtual host."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    broker.make_vhost(name)
    try:
        yield _named(rabbitmq_url, name)
    finally:
        broker.drop_vhost(name)


@contextmanager
def own_redis(redis_url: str) -> Iterator[str]:
    """The address of an empty Redis database; two of them at a time would be the same one."""
    url = _named(redis_url, str(REDIS_DATABASE))
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()
