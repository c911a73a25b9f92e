"""Mistakes in the environment are told at the start, all of them, without repeating secrets."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from flux.environment import CHECKS, problems

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "SECRET_KEY": "x" * 50,
    "DEBUG": "false",
    "HTTPS": "True",
    "FLUX_DEMO": "0",
    "LOG_JSON": "on",
    "SIGN_UP_OPEN": "true",
    "SECRET_KEY_FALLBACKS": f"{'a' * 40},{'b' * 40}",
    "FLUX_DOMAIN": "flux.example",
    "LOG_LEVEL": "INFO",
    "DATABASE_URL": "postgresql://flux_app:secret@db:5432/flux",
    "DATABASE_OWNER_URL": "postgresql://flux_owner:secret@db:5432/flux",
    "DATABASE_BOOTSTRAP_URL": "postgresql://postgres:secret@db:5432/flux",
    "DATABASE_POOLING": "session",
    "FLUX_IDENTITY": "app",
    "REDIS_URL": "rediss://cache:6379/0",
    "CELERY_BROKER_URL": "redis+socket:///run/valkey.sock",
    "CONN_MAX_AGE": "60",
    "SPARE_RESTAURANTS": "20",
    "TRUSTED_PROXIES": "1",
    "EMAIL_URL": "smtp+tls://user:secret@mail.example:587",
    "ACCESS_TOKEN_MINUTES": "30",
    "REFRESH_TOKEN_DAYS": "14",
    "LOGIN_RATE_PER_ADDRESS": "20/min",
    "LOGIN_RATE_PER_ACCOUNT": "10/hour",
    "WRONG_KEY_RATE_PER_ADDRESS": "30/min",
    "WEATHER_PROVIDER": "open-meteo",
    "WEATHER_FORECAST_URL": "https://weather.example/v1/forecast",
    "WEATHER_HISTORY_URL": "https://weather.example/v1/history",
    "FORECAST_BACKEND": "sagemaker",
    "FORECAST_ENDPOINT": "flux-forecast",
    "FORECAST_REGION": "eu-west-1",
}


def test_a_good_environment_is_accepted() -> None:
    assert set(GOOD) == {*CHECKS, "SECRET_KEY"}
    assert problems(GOOD, in_production=True) == []
    assert problems({}, in_production=False) == []


@pytest.mark.parametrize(
    "url", ["postgresql://postgres@/postgres?host=/run/sockets", "postgres://u:p%40ss@[::1]:5432/name?sslmode=require"]
)
def test_databases_may_be_written_in_several_ways(url: str) -> None:
    assert problems({"DATABASE_URL": url}, in_production=False) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SECRET_KEY_FALLBACKS", "short", "SECRET_KEY_FALLBACKS holds a key that is too short."),
        ("SECRET_KEY", "", "SECRET_KEY is missing: a long random text that stays the same between starts."),
        ("SECRET_KEY", "short", "SECRET_KEY is too short: at least 20 characters."),
        ("FLUX_DOMAIN", "https://flux.example", "FLUX_DOMAIN is “https://flux.example”: leave out the scheme"),
        ("FLUX_DOMAIN", "flux.example:8000", "FLUX_DOMAIN is “flux.example:8000”: leave out the port"),
        ("FLUX_DOMAIN", "Flux_Example", "FLUX_DOMAIN is “Flux_Example”, not a host name in small letters"),
        ("FLUX_DOMAIN", "", "FLUX_DOMAIN is “”, not a host name"),
        ("LOG_LEVEL", "verbose", "LOG_LEVEL is “verbose”, not one of DEBUG, INFO, WARNING, ERROR, CRITICAL."),
        ("HTTPS", "ja", "HTTPS is “ja”, neither true nor false."),
        ("ACCESS_TOKEN_MINUTES", "0", "ACCESS_TOKEN_MINUTES is 0; it must be at least 1."),
        ("EMAIL_URL", "", "EMAIL_URL is missing: where mail goes out, such as smtp+tls://"),
        ("EMAIL_URL", "foo", "EMAIL_URL has the scheme “”, not one of "),
        ("CONN_MAX_AGE", "a minute", "CONN_MAX_AGE is “a minute”, not a whole number."),
        ("LOGIN_RATE_PER_ADDRESS", "often", "LOGIN_RATE_PER_ADDRESS is “often”, not a rate such as 20/min."),
        ("DATABASE_URL", "mysql://u:hunter2@db/flux", "DATABASE_URL has the scheme “mysql”, not postgresql://…"),
        ("DATABASE_URL", "postgresql://u:hunter2@db", "DATABASE_URL names no database"),
        ("DATABASE_URL", "postgresql://u:hunter2@db:port/flux", "DATABASE_URL cannot be read."),
        ("WEATHER_PROVIDER", "oracle", "WEATHER_PROVIDER is “oracle”, not one of open-meteo."),
        (
            "WEATHER_HISTORY_URL",
            "ftp://weather",
            "WEATHER_HISTORY_URL is “ftp://weather”, not an address such as https://api.open-meteo.com/v1/forecast.",
        ),
        ("FORECAST_BACKEND", "aws", "FORECAST_BACKEND is “aws”, not one of local, sagemaker."),
        ("FORECAST_ENDPOINT", "", "FORECAST_ENDPOINT is missing: the endpoint's name."),
        ("FORECAST_ENDPOINT", "https://x.example", "FORECAST_ENDPOINT is “https://x.example”: an endpoint's name"),
        ("FORECAST_REGION", "", "FORECAST_REGION is missing: its AWS region"),
        ("FORECAST_REGION", "Ireland", "FORECAST_REGION is “Ireland”, not an AWS region"),
        ("REDIS_URL", "localhost:6379", "REDIS_URL has the scheme “localhost”, not one of redis, rediss, unix."),
    ],
)
def test_a_mistake_is_told(name: str, value: str, said: str) -> None:
    [found] = problems(GOOD | {name: value}, in_production=True)
    assert found[: len(said)] == said
    assert "hunter2" not in found


def settings_in(environment: dict[str, str], ask: str = "") -> subprocess.CompletedProcess[str]:
    """Load the settings in a process of its own, with nothing but `environment`, and print what `ask` evaluates to."""
    code = f"from django.conf import settings; print({ask or 'settings.DEBUG'})"
    kept = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "flux.settings", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code], env=kept | environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.skipif((ROOT / ".env").exists(), reason="a .env file says otherwise")
def test_the_settings_refuse_to_load_and_tell_every_mistake() -> None:
    refused = settings_in({"FLUX_DOMAIN": "flux.example:1", "LOG_LEVEL": "loud"})
    assert refused.returncode != 0
    lines = refused.stderr.splitlines()[-5:]
    assert lines[0] == "django.core.exceptions.ImproperlyConfigured: Flux cannot start:"
    assert [line.split()[1] for line in lines[1:]] == ["SECRET_KEY", "EMAIL_URL", "FLUX_DOMAIN", "LOG_LEVEL"]


@pytest.mark.skipif((ROOT / ".env").exists(), reason="a .env file says otherwise")
@pytest.mark.parametrize(
    ("environment", "backend"),
    [
        ({"DEBUG": "true"}, "console"),
        ({"FLUX_DEMO": "1", "EMAIL_URL": ""}, "console"),
        (GOOD | {"EMAIL_URL": "consolemail://"}, "console"),
        (GOOD, "smtp"),
    ],
)
def test_mail_goes_to_the_log_only_outside_of_production_or_where_asked(
    environment: dict[str, str], backend: str
) -> None:
    loaded = settings_in(environment, "settings.EMAIL_BACKEND")
    assert loaded.stdout.strip() == f"django.core.mail.backends.{backend}.EmailBackend", loaded.stderr


@pytest.mark.skipif((ROOT / ".env").exists(), reason="a .env file says otherwise")
def test_the_image_can_be_built_with_what_the_dockerfile_sets() -> None:
    line = re.search(r"^RUN (.*) python manage.py collectstatic", (ROOT / "Dockerfile").read_text(), re.M)
    assert line is not None
    assert settings_in(dict(setting.split("=", 1) for setting in line[1].split())).returncode == 0


@pytest.mark.skipif((ROOT / ".env").exists(), reason="a .env file says otherwise")
def test_under_https_cookies_are_tied_to_their_host() -> None:
    asked = "settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.HAND_OVER_COOKIE_NAME"
    asked += ", settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE, settings.SESSION_COOKIE_DOMAIN"
    asked += ", settings.ALLOWED_HOSTS, settings.CSRF_TRUSTED_ORIGINS"
    loaded = settings_in(GOOD, asked)
    names = ("__Host-flux", "__Host-csrf", "__Host-handover")
    assert loaded.stdout.split() == [*names, "True", "True", "None", "['.flux.example']", "[]"], loaded.stderr
