"""Passwords are changed in mid-load as docs/operations/secrets.md says: nothing accepted is lost, nothing is stored twice,
and afterwards nobody uses the old one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from harness.load import Load
from harness.services import BROKER
from harness.stack import Stack
from harness.verdict import Verdict
from psycopg import sql

Demand = Callable[[], Verdict]
USER, OLD, NEW = "logstream_next", "oldpassword", "newpassword"
HEAD = "{logstream:live}:head"


def user_of(url: str) -> str:
    return urlsplit(url).username or ""


def password_of(url: str) -> str:
    return urlsplit(url).password or ""


def url_for(url: str, user: str, password: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{user}:{password}@{parts.netloc.rpartition('@')[2]}").geturl()


@contextmanager
def told(stack: Stack, services: tuple[str, ...], variable: str, url: str) -> Iterator[None]:
    """The services with this address, restarted one after the other."""
    with ExitStack() as exits:
        for service in services:
            exits.enter_context(stack.environment(service, {variable: url}))
        yield


def rabbitmqctl(stack: Stack, *arguments: str) -> list[str]:
    return stack.run_beside(BROKER, "rabbitmqctl", "--quiet", *arguments).decode().split()


@pytest.fixture
def second_broker_user(stack: Stack) -> Iterator[str]:
    rabbitmqctl(stack, "add_user", USER, NEW)
    rabbitmqctl(stack, "set_permissions", USER, ".*", ".*", ".*")
    yield url_for(stack.rabbitmq_url, USER, NEW)
    rabbitmqctl(stack, "delete_user", USER)


def test_a_second_broker_user_takes_over(stack: Stack, load: Load, demand: Demand, second_broker_user: str) -> None:
    services = ("gateway", "writer", "stream")
    with told(stack, services, "LOGSTREAM_RABBITMQ_URL", second_broker_user):
        load.wait_accepted("with the second user")
        users = rabbitmqctl(stack, "list_connections", "user")
        assert user_of(stack.rabbitmq_url) not in users, "the first user can't be deleted yet"
        assert users.count(USER) >= len(services)
        load.finish()
        demand()


@pytest.fixture
def set_database_password(stack: Stack) -> Iterator[Callable[[str], None]]:
    """Sets the password of the services' role. It has its first one again afterwards."""
    statement = sql.SQL("alter role {} password {}")
    role = sql.Identifier(user_of(stack.database_url))

    def set_to(password: str) -> None:
        with psycopg.connect(stack.superuser_url, autocommit=True) as connection:
            connection.execute(statement.format(role, password))

    yield set_to
    set_to(password_of(stack.database_url))


def test_the_database_password_changes_under_open_connections(
    stack: Stack, load: Load, demand: Demand, set_database_password: Callable[[str], None]
) -> None:
    set_database_password(NEW)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(stack.database_url)
    load.wait_accepted("with connections that were open before")
    changed = url_for(stack.database_url, user_of(stack.database_url), NEW)
    with told(stack, ("writer", "query"), "LOGSTREAM_DATABASE_URL", changed):
        load.wait_accepted("with the new password")
        load.finish()
        set_database_password(password_of(stack.database_url))
        demand()


def test_redis_takes_both_passwords_until_all_have_the_new_one(stack: Stack, load: Load, demand: Demand) -> None:
    services = ("writer", "stream")
    with redis.Redis.from_url(stack.redis_url) as admin:
        try:
            admin.acl_setuser(USER, enabled=True, passwords=[f"+{OLD}"], keys="*", channels="*", categories=["+@all"])
            with told(stack, services, "LOGSTREAM_REDIS_URL", url_for(stack.redis_url, USER, OLD)):
                load.wait_accepted("with the old password")
                epoch = admin.hget(HEAD, "epoch")
                admin.acl_setuser(USER, passwords=[f"+{NEW}"], keys="*", channels="*", categories=["+@all"])
                with told(stack, services, "LOGSTREAM_REDIS_URL", url_for(stack.redis_url, USER, NEW)):
                    admin.acl_setuser(USER, passwords=[f"-{OLD}"], keys="*", channels="*", categories=["+@all"])
                    load.wait_accepted("with the new password alone")
                    load.finish()
                    demand()
                    assert admin.hget(HEAD, "epoch") == epoch, "viewers were told of a gap that there is not"
                    admin.acl_setuser(USER, passwords=[f"+{OLD}"], keys="*", channels="*", categories=["+@all"])
        finally:
            admin.acl_deluser(USER)
