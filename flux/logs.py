"""Log lines: JSON in production, readable in the demo; each names its request, restaurant, user and task.

People are named by their key, never by e-mail address, and no line holds what opens a door: `without_secrets` is the
last net under code that logs more than it should.
"""

import re
from collections.abc import Mapping
from typing import Any

import structlog

from tenants.context import bind_log_context

HIDDEN = "…"
SECRET_NAME = re.compile(r"password|passwd|secret|token|authorization|cookie|api_?key|session_?key|csrf", re.I)
SECRET_TEXT = re.compile(
    r"(?P<lead>/password/reset/key/"  # the link in the mail of somebody who forgot the password
    r"|[?&;\s](?:token|state|key|password)="
    r"|\bBearer\s+"
    r"|://[^/\s:@]*:(?=[^/\s@]+@))"  # the password in a database's address
    r"[^\s&;/@\"']+",
    re.I,
)


def without_secrets(_logger: Any, _method: str, event: Any) -> Any:
    """structlog processor: hides values by their name, and secrets inside of texts by what leads up to them."""
    return {name: _hide(name, value) for name, value in event.items()}


def _hide(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return HIDDEN if SECRET_NAME.search(name) else SECRET_TEXT.sub(rf"\g<lead>{HIDDEN}", value)
    if isinstance(value, Mapping):
        return {inner: _hide(str(inner), part) for inner, part in value.items()}
    if isinstance(value, list | tuple):
        return [_hide(name, part) for part in value]
    return value


def processors(*, json: bool) -> list[Any]:
    """What turns a line's facts into its text. Exceptions are told without the values of variables."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    last = structlog.processors.JSONRenderer(default=str) if json else plain
    return [structlog.processors.format_exc_info, without_secrets, last]


def shared() -> list[Any]:
    """What is added to every line, of our own loggers and of libraries' ones."""
    return [
        structlog.contextvars.merge_contextvars,
        bind_log_context,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
    ]


def logging_config(*, json: bool, level: str) -> dict[str, Any]:
    """Configure structlog and return the matching `LOGGING`, so that both kinds of loggers write the same lines."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *processors(json=json)],
                "foreign_pre_chain": shared(),
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.server": {"level": "WARNING"},
            "django.request": {"level": "ERROR"},  # a refusal is told by the request's own line
            "django.db.backends": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},  # django-structlog's lines about tasks say more
            "celery.app.trace": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            "celery.utils.functional": {"level": "WARNING"},
        },
    }
