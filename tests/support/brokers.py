"""Message brokers for tests: the in-process one, and Redis and RabbitMQ with a queue name of the test's own.

The servers are those of HEDGEBRIDGE_TEST_REDIS_URL and HEDGEBRIDGE_TEST_RABBITMQ_URL, else the standard ports of 127.0.0.1.
Without one the test is skipped with the reason, and fails where CI=true.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

__all__ = ["BrokerPlace", "broker_place"]

REDIS = "redis://127.0.0.1:6379/0"
RABBITMQ = "amqp://guest:guest@127.0.0.1:5672/%2F"


@dataclass(frozen=True, slots=True)
class BrokerPlace:
    """Where messages go: settings `broker` and `broker_queue`."""

    url: str
    queue: str


@pytest.fixture(
    params=[
        "memory",
        pytest.param("redis", marks=pytest.mark.redis),
        pytest.param("rabbitmq", marks=pytest.mark.rabbitmq),
    ]
)
def broker_place(request: pytest.FixtureRequest) -> Iterator[BrokerPlace]:
    """A queue that nobody else uses, once on each broker; nothing of it is left afterwards."""
    queue = f"hb_test_{secrets.token_hex(6)}"
    if request.param == "memory":
        yield BrokerPlace("memory", queue)
    elif request.param == "redis":
        yield from _redis(os.environ.get("HEDGEBRIDGE_TEST_REDIS_URL", REDIS), queue)
    else:
        yield from _rabbitmq(os.environ.get("HEDGEBRIDGE_TEST_RABBITMQ_URL", RABBITMQ), queue)


def _redis(url: str, queue: str) -> Iterator[BrokerPlace]:
    import redis

    with redis.Redis.from_url(url, socket_connect_timeout=2) as client:
        try:
            client.ping()
        except redis.RedisError as error:
            _missing(f"no Redis: {error}")
        yield BrokerPlace(url, queue)
        for name in client.scan_iter(match=f"dramatiq:*{queue}*"):
            client.delete(name)


def _rabbitmq(url: str, queue: str) -> Iterator[BrokerPlace]:
    import pika
    from pika.exceptions import AMQPError

    try:
        connection = pika.BlockingConnection(pika.URLParameters(url))
    except (AMQPError, OSError) as error:
        _missing(f"no RabbitMQ: {type(error).__name__} {error}")
    connection.close()
    yield BrokerPlace(url, queue)
    connection = pika.BlockingConnection(pika.URLParameters(url))
    for place in (queue, f"{queue}.jobs"):
        for name in (place, f"{place}.DQ", f"{place}.XQ"):
            connection.channel().queue_delete(name)
    connection.close()


def _missing(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
