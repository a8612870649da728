"""The one table of what a stack consists of, as a black-box test sees it. Data only."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Service:
    """One of the product's services. Its operators' routes are at Stack.admin_url(name)."""

    name: str
    metrics_prefix: str


SERVICES = (
    Service("gateway", "logstream_gateway"),
    Service("writer", "logstream_writer"),
    Service("query", "logstream_query"),
    Service("stream", "logstream_stream"),
)
# Serves the dashboard and joins query and stream under one origin.
PAGE = "page"
# The servers behind them.
DATABASE, BROKER, CACHE = "timescaledb", "rabbitmq", "redis"

# In an order to start them in.
PROGRAMS = (DATABASE, BROKER, CACHE, *(service.name for service in SERVICES), PAGE)

# The example services that come with the product, which do not run unless they are started; and the node names they log
# under.
EXAMPLES = {"node-orders": "orders", "node-payments": "payments", "python-inventory": "inventory"}
