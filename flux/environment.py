"""[p] The environment's variables, checked before anything is made of them: every mistake at once, in plain words."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from environ import Env

YES, NO = ("true", "1", "yes", "on", "y", "t", "ok"), ("false", "0", "no", "off", "n", "f", "")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
HOST = re.compile(r"(?=.{1,190}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\Z")
RATE = re.compile(r"[1-9]\d*/(s|sec|second|m|min|minute|h|hour|d|day)\Z")
ENDPOINT = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,62}\Z")
REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+\Z")
KEY_LENGTH = 20

Check = Callable[[str], str | None]  # what is wrong with a value, or None


def problems(environment: Mapping[str, str], *, in_production: bool) -> list[str]:
    """What is wrong with the variables that are set, and which ones are missing."""
    found = []
    if in_production:
        found = [*_secret_key(environment.get("SECRET_KEY", "")), *_no_mail(environment.get("EMAIL_URL", ""))]
    found += _no_endpoint(environment)
    for name, check in CHECKS.items():
        wrong = check(environment[name].strip()) if name in environment else None
        if wrong:
            found.append(f"{name} {wrong}")
    return found


def _secret_key(value: str) -> list[str]:
    if not value:
        return ["SECRET_KEY is missing: a long random text that stays the same between starts."]
    return [f"SECRET_KEY is too short: at least {KEY_LENGTH} characters."] if len(value) < KEY_LENGTH else []


def _no_mail(value: str) -> list[str]:
    """Mail carries invitations' secrets, reset links and codes: it goes to the log only where somebody says so."""
    if value.strip():
        return []
    return [
        "EMAIL_URL is missing: where mail goes out, such as smtp+tls://user:password@mail.example:587; "
        "consolemail:// writes every mail, with the links and codes that sign people in, to the log."
    ]


def _no_endpoint(environment: Mapping[str, str]) -> list[str]:
    if environment.get("FORECAST_BACKEND", "").strip() != "sagemaker":
        return []
    needed = {"FORECAST_ENDPOINT": "the endpoint's name", "FORECAST_REGION": "its AWS region, such as eu-west-1"}
    return [
        f"{name} is missing: {what}. FORECAST_BACKEND=sagemaker needs it."
        for name, what in needed.items()
        if not environment.get(name, "").strip()
    ]


def _endpoint(value: str) -> str | None:
    if not value or ENDPOINT.match(value):
        return None  # whether it may be missing depends on the backend
    return f"is “{value}”: an endpoint's name has up to 63 letters, digits and hyphens; it is no address."


def _region(value: str) -> str | None:
    return None if not value or REGION.match(value) else f"is “{value}”, not an AWS region such as eu-west-1."


def _old_keys(value: str) -> str | None:
    """The value itself is not repeated: it is secret."""
    return None if all(len(key) >= KEY_LENGTH for key in value.split(",") if key) else "holds a key that is too short."


def _flag(value: str) -> str | None:
    return None if value.lower() in YES + NO else f"is “{value}”, neither true nor false."


def _count(value: str) -> str | None:
    return None if value.isdecimal() else f"is “{value}”, not a whole number."


def _positive(value: str) -> str | None:
    return _count(value) or (None if int(value) else "is 0; it must be at least 1.")


def _mail(value: str) -> str | None:
    if not value:
        return None  # as if it were not set
    scheme = urlsplit(value).scheme
    return (
        None
        if scheme in Env.EMAIL_SCHEMES
        else f"has the scheme “{scheme}”, not one of {', '.join(Env.EMAIL_SCHEMES)}."
    )


def _host(value: str) -> str | None:
    if "://" in value:
        return f"is “{value}”: leave out the scheme, only the host name, such as flux.example."
    if ":" in value:
        return f"is “{value}”: leave out the port, only the host name, such as flux.example."
    return None if HOST.match(value) else f"is “{value}”, not a host name in small letters such as flux.example."


def _level(value: str) -> str | None:
    return None if value in LEVELS else f"is “{value}”, not one of {', '.join(LEVELS)}."


def _rate(value: str) -> str | None:
    return None if RATE.match(value) else f"is “{value}”, not a rate such as 20/min."


def _database(value: str) -> str | None:
    """The value itself is not repeated: it holds a password."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return "cannot be read. It looks like postgresql://user:password@host:5432/name."
    if parts.scheme not in {"postgres", "postgresql"}:
        return f"has the scheme “{parts.scheme}”, not postgresql://…"
    return None if parts.path.strip("/") else "names no database: postgresql://user:password@host:5432/name."


def _one_of(*names: str) -> Check:
    def check(value: str) -> str | None:
        return None if value in names else f"is “{value}”, not one of {', '.join(names)}."

    return check


def _web_address(value: str) -> str | None:
    parts = urlsplit(value)
    is_one = parts.scheme in {"http", "https"} and parts.netloc
    return None if is_one else f"is “{value}”, not an address such as https://api.open-meteo.com/v1/forecast."


def _redis(*schemes: str) -> Check:
    def check(value: str) -> str | None:
        scheme = urlsplit(value).scheme
        return None if scheme in schemes else f"has the scheme “{scheme}”, not one of {', '.join(schemes)}."

    return check


CHECKS: dict[str, Check] = {
    **dict.fromkeys(["DEBUG", "FLUX_DEMO", "HTTPS", "LOG_JSON", "SIGN_UP_OPEN"], _flag),
    **dict.fromkeys(["CONN_MAX_AGE", "SPARE_RESTAURANTS", "TRUSTED_PROXIES"], _count),
    **dict.fromkeys(["ACCESS_TOKEN_MINUTES", "REFRESH_TOKEN_DAYS"], _positive),
    "EMAIL_URL": _mail,
    "SECRET_KEY_FALLBACKS": _old_keys,
    **dict.fromkeys(["LOGIN_RATE_PER_ADDRESS", "LOGIN_RATE_PER_ACCOUNT", "WRONG_KEY_RATE_PER_ADDRESS"], _rate),
    "FLUX_DOMAIN": _host,
    "LOG_LEVEL": _level,
    **dict.fromkeys(["DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_BOOTSTRAP_URL"], _database),
    "DATABASE_POOLING": _one_of("session", "transaction"),
    "FLUX_IDENTITY": _one_of("app", "owner"),
    "REDIS_URL": _redis("redis", "rediss", "unix"),
    "FORECAST_BACKEND": _one_of("local", "sagemaker"),
    "FORECAST_ENDPOINT": _endpoint,
    "FORECAST_REGION": _region,
    "WEATHER_PROVIDER": lambda value: _one_of("open-meteo")(value) if value else None,
    **dict.fromkeys(["WEATHER_FORECAST_URL", "WEATHER_HISTORY_URL"], _web_address),
    "CELERY_BROKER_URL": _redis("redis", "rediss", "redis+socket", "memory"),
}
