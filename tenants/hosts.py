"""From a host name to its restaurant, from the process's memory: no query in most requests.

What is remembered is dropped after 30 s, and at once when any process announces a change through Redis. Where Redis
does not answer, the 30 s are what is left.
"""

import contextlib
import json
import os
import threading
import time
import uuid

import redis
import structlog
from django.conf import settings
from django.db import connection
from django.db.models.base import ModelState

from tenants.context import public_context
from tenants.db.transactions import one_session
from tenants.models import Domain, Restaurant

HOST_SECONDS = 30
MOST_HOSTS = 10_000
SILENCE_S = 10
log = structlog.get_logger(__name__)
_restaurants_by_host: dict[str, tuple[float, Restaurant]] = {}


def restaurant_of_host(host: str) -> Restaurant | None:
    """The restaurant that `host` (without port) leads to, from this process's memory for up to 30 s.

    Each caller gets a copy of its own: what one request does to it is not seen by the next. Hosts that lead nowhere are
    not remembered, so that nobody fills the memory with made-up names.
    """
    _listener.start()
    now = time.monotonic()
    remembered = _restaurants_by_host.get(host)
    if remembered is None or now - remembered[0] >= HOST_SECONDS:
        with public_context(), one_session():
            domain = Domain.objects.select_related("tenant").filter(domain=host).first()
            if domain is not None:
                domain.tenant.host = domain.domain if domain.is_primary else domain.tenant.host
        if domain is None:
            _restaurants_by_host.pop(host, None)
            return None
        if len(_restaurants_by_host) >= MOST_HOSTS:
            _restaurants_by_host.clear()
        remembered = _restaurants_by_host[host] = (now, domain.tenant)
    return _copy(remembered[1])


def _copy(restaurant: Restaurant) -> Restaurant:
    """What `copy.copy` answers, without its detour over pickling: this runs in each request."""
    copied = Restaurant.__new__(Restaurant)
    copied.__dict__.update(restaurant.__dict__, _state=ModelState())
    copied._state.adding, copied._state.db = False, restaurant._state.db
    return copied


def forget_hosts() -> None:
    """Drop what is remembered of hosts after a change, here and in every other process."""
    _restaurants_by_host.clear()
    try:
        _client().publish(_channel(), json.dumps({"from": _listener.name}))
    except redis.RedisError as error:
        log.warning("hosts_not_announced", error=str(error))


class Listener:
    """A thread that waits for other processes' announcements. One per process, started by the first request."""

    def __init__(self) -> None:
        self._process = 0
        self._last_try = 0.0
        self._lock = threading.Lock()
        self.name = ""

    def start(self) -> None:
        """Begin to listen, unless this process does already. A forked process begins anew; a try that fails waits."""
        if self._process == os.getpid() or time.monotonic() - self._last_try < HOST_SECONDS:
            return
        with self._lock:
            if self._process == os.getpid():
                return
            self._last_try = time.monotonic()
            self.name = uuid.uuid4().hex
            with contextlib.suppress(redis.RedisError):
                messages = _client().pubsub(ignore_subscribe_messages=True)
                messages.subscribe(_channel())
                threading.Thread(target=self._listen, args=[messages], name="hosts", daemon=True).start()
                self._process, self._last_try = os.getpid(), 0.0
                _restaurants_by_host.clear()  # what changed before is not announced again

    def _listen(self, messages: redis.client.PubSub) -> None:
        """Until the connection is lost; the next request begins anew."""
        with contextlib.suppress(redis.RedisError, OSError):
            while True:
                message = messages.get_message(timeout=SILENCE_S)  # after a silence it asks whether Redis is there
                if message and json.loads(message["data"])["from"] != self.name:
                    _restaurants_by_host.clear()
        self._process = 0
        messages.close()


_listener = Listener()


def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, health_check_interval=10)


def _channel() -> str:
    """One for each database: restaurants of another one are none of ours."""
    return f"flux.hosts.{connection.settings_dict['NAME']}"
