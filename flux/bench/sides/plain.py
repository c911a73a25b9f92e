"""The same without tenancy: Django's own backend on one restaurant's schema, and no middleware of ours."""

import os

from flux.bench.sides.tenancy import *  # noqa: F403
from flux.bench.sides.tenancy import MIDDLEWARE
from flux.settings import CACHES, LOGINS

MIDDLEWARE = [name for name in MIDDLEWARE if not name.startswith("tenants.")]
DATABASES = {
    "default": {
        **LOGINS["owner"],
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 60,
        "OPTIONS": {
            **LOGINS["owner"].get("OPTIONS", {}),
            "server_side_binding": True,
            "options": f"-c search_path={os.environ['BENCH_SCHEMA']},public",
        },
    }
}
CACHES = {name: {**facts, "KEY_FUNCTION": None} for name, facts in CACHES.items()}
