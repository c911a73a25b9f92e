"""The only settings module: every difference between machines is an environment variable (see .env.example)."""

import hashlib
import logging
import os
import sys
from datetime import timedelta
from pathlib import Path

import environ
import structlog
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from kombu import Queue

from flux import environment
from flux.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
if (BASE_DIR / ".env").is_file():
    env.read_env(BASE_DIR / ".env")

DEBUG = env.bool("DEBUG", default=False)
DEMO = env.bool("FLUX_DEMO", default=False)
TESTING = "pytest" in sys.modules
if mistakes := environment.problems(os.environ, in_production=not (DEBUG or DEMO or TESTING)):
    raise ImproperlyConfigured("Flux cannot start:\n" + "\n".join(f"- {mistake}" for mistake in mistakes))
SECRET_KEY = env.str("SECRET_KEY", default="") or "only-for-development-and-tests"
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

# --- Hosts: flux.localhost is the platform, slug.flux.localhost a restaurant -----------------------------------------
FLUX_DOMAIN = env.str("FLUX_DOMAIN", default="flux.localhost")
ALLOWED_HOSTS = [f".{FLUX_DOMAIN}", *env.list("EXTRA_HOSTS", default=[])]
HTTPS = env.bool("HTTPS", default=False)
SCHEME = "https" if HTTPS else "http"
ROOT_URLCONF = "flux.urls"
PUBLIC_SCHEMA_URLCONF = "flux.urls_public"
WSGI_APPLICATION = "flux.wsgi.application"
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True

# --- Apps: `unfold` before `django_tenants`, whose admin templates would win otherwise -------------------------------
SHARED_APPS = [
    "unfold",
    "django_tenants",
    "tenants",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.admin",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_htmx",
    "django_structlog",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "flux",
]
TENANT_APPS = ["tenants.office", "menu", "pos", "forecasting", "procurement"]
INSTALLED_APPS = [*SHARED_APPS, *TENANT_APPS]
TENANT_MODEL = "tenants.Restaurant"
TENANT_DOMAIN_MODEL = "tenants.Domain"
AUTH_USER_MODEL = "tenants.User"
SPARE_RESTAURANTS = env.int("SPARE_RESTAURANTS", default=2 if DEMO else 10)  # schemas that are ready to be taken
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MIDDLEWARE = [
    "flux.middleware.ApiMiddleware",
    "tenants.middleware.HealthMiddleware",
    "tenants.middleware.RestaurantMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "flux.middleware.AdminCSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "flux.middleware.RequestLogMiddleware",
    "tenants.middleware.MembershipMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["django.templatetags.static"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tenants.middleware.template_context",
                "tenants.access.template_context",
            ],
        },
    }
]

# --- Database and cache ----------------------------------------------------------------------------------------------
# Who this process is: `app` serves people and runs jobs, `owner` migrates and makes restaurants (tenants/db/roles.py).
# The tests log in as the superuser, and play either of the two.
IDENTITY = "bootstrap" if TESTING else env.str("FLUX_IDENTITY", default="app")
LOGINS = {
    "app": env.db_url("DATABASE_URL", default="postgresql://flux_app@localhost/flux"),
    "owner": env.db_url("DATABASE_OWNER_URL", default="postgresql://flux_owner@localhost/flux"),
    "bootstrap": env.db_url("DATABASE_BOOTSTRAP_URL", default="postgresql://postgres@localhost/flux"),
}
POOLED = IDENTITY == "app" and env.str("DATABASE_POOLING", default="session") == "transaction"
DATABASES = {
    "default": {
        **LOGINS[IDENTITY],
        "ENGINE": "tenants.tests.db" if TESTING else "tenants.db",
        "TAKES_ROLES": IDENTITY == "app",
        "POOLING": POOLED,
        "ATOMIC_REQUESTS": POOLED,
        "DISABLE_SERVER_SIDE_CURSORS": POOLED,
        "CONN_MAX_AGE": env.int("CONN_MAX_AGE", default=60),
        "CONN_HEALTH_CHECKS": True,
    }
}
DATABASES["default"].setdefault("OPTIONS", {})["server_side_binding"] = True
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
REDIS_URL = env.str("REDIS_URL", default="redis://localhost:6379/0")
CACHES = {
    # Every key of the first carries the restaurant; the second is for what belongs to the whole platform.
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_FUNCTION": "tenants.context.cache_key",
        "KEY_PREFIX": "flux",
    },
    "platform": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "platform",
    },
}

# E-mails are unique whatever their case, by an index on lower(email), which this check does not know.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]

# --- People ----------------------------------------------------------------------------------------------------------
# Sessions live in the cache under their host's own schema: a cookie copied to another restaurant finds nothing there.
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
SESSION_COOKIE_NAME = "__Host-flux" if HTTPS else "flux"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
SESSION_COOKIE_DOMAIN = CSRF_COOKIE_DOMAIN = None  # host-only
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
SIGN_UP_OPEN = env.bool("SIGN_UP_OPEN", default=True)
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]  # a mistyped password is set anew by mail
ACCOUNT_SIGNUP_FORM_CLASS = "tenants.platform_forms.SignUpName"
ACCOUNT_SIGNUP_REDIRECT_URL = "open_restaurant"
ACCOUNT_ADAPTER = "tenants.accounts.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "mandatory"  # of who signs up; who was brought in by others is verified by that
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True  # typed into the same browser, so nobody is left on another device
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE = True
ACCOUNT_CHANGE_EMAIL = True  # a person has one address; the new one counts once it is verified
ACCOUNT_REAUTHENTICATION_REQUIRED = True  # before the address changes
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGIN_ON_PASSWORD_RESET = False  # who holds the mailbox sets the password and then signs in with it
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # no mail to addresses that strangers type in
ACCOUNT_EMAIL_NOTIFICATIONS = True  # a new password is told to its owner
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = SCHEME
# Passkeys are for the platform's host, where people sign in. To fido2 http://*.localhost is secure, as to browsers.
MFA_ADAPTER = "tenants.accounts.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_FORMS = {
    "add_webauthn": "tenants.platform_forms.AddPasskey",
    "edit_webauthn": "tenants.platform_forms.RenamePasskey",
    "login_webauthn": "tenants.platform_forms.SignInByPasskey",
    "authenticate_webauthn": "tenants.platform_forms.SecondStepByPasskey",
    "reauthenticate_webauthn": "tenants.platform_forms.ConfirmByPasskey",
}
MFA_TOTP_ISSUER = "Flux"
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXIES", default=0)
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
TABLET_COOKIE_NAME = "__Host-tablet" if HTTPS else "tablet"
HAND_OVER_SECONDS = 60
HAND_OVER_COOKIE_NAME = "__Host-handover" if HTTPS else "handover"

# --- Pages -----------------------------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "frame-ancestors": [NONE],
        # The sign-in form's answer leads on to a restaurant's own host, the sign-out form's back to the platform's.
        "form-action": [SELF, f"{SCHEME}://{FLUX_DOMAIN}:*", f"{SCHEME}://*.{FLUX_DOMAIN}:*"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
LANGUAGE_CODE = "en"
USE_I18N = True
FORMAT_MODULE_PATH = "flux.formats"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or DEMO or TESTING
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
if DEBUG or DEMO or TESTING:
    STATIC_ROOT.mkdir(exist_ok=True)  # WhiteNoise warns of a missing folder
WHITENOISE_USE_FINDERS = DEBUG or DEMO or TESTING
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ["map", "woff2", "png", "jpg", "gz", "br"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 60 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
MAX_UPLOAD_BYTES = 50 * 1024 * 1024

# --- API -------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tenants.tokens.RestaurantJWTAuthentication",
        "tenants.api_keys.ApiKeyAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.access.IsMember"],
    "DEFAULT_RENDERER_CLASSES": ["flux.api.rendering.NumberRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tenants.parsing.SafeJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "flux.api.lists.Pagination",
    "DEFAULT_FILTER_BACKENDS": ["flux.api.lists.StrictFilters"],
    "DEFAULT_SCHEMA_CLASS": "flux.api.schema.Schema",
    "DEFAULT_METADATA_CLASS": None,  # the OpenAPI document describes the API
    "EXCEPTION_HANDLER": "flux.api.problems.problem_details",
    "DEFAULT_THROTTLE_RATES": {
        "login_address": env.str("LOGIN_RATE_PER_ADDRESS", default="20/min"),
        "login_account": env.str("LOGIN_RATE_PER_ACCOUNT", default="10/hour"),
        "key_address": env.str("WRONG_KEY_RATE_PER_ADDRESS", default="30/min"),
    },
    # How many proxies of ours stand in front: with 0, nobody can claim another address by X-Forwarded-For.
    "NUM_PROXIES": env.int("TRUSTED_PROXIES", default=0),
    "COERCE_DECIMAL_TO_STRING": False,
    "PAGE_SIZE": 100,
}
API_MAX_BODY_BYTES = 1024 * 1024
SIMPLE_JWT = {
    "SIGNING_KEY": hashlib.sha256(f"flux.tokens {SECRET_KEY}".encode()).hexdigest(),
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=env.int("ACCESS_TOKEN_MINUTES", default=30)),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=env.int("REFRESH_TOKEN_DAYS", default=14)),
    "CHECK_REVOKE_TOKEN": True,  # a new password ends the tokens of the old one
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Flux",
    "DESCRIPTION": (
        "Forecasts and purchase orders of one restaurant, on the restaurant's own host. Sign in at `/auth/login` for a "
        "bearer token. Every error is a problem details object (RFC 9457); `/api/problems/` explains each kind."
    ),
    "VERSION": "1.0.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {  # several things have a `status`, a `kind` or an `effect`
        "CalendarEventEffect": "forecasting.models.CalendarEvent.Effect",
        "CalendarEventKind": "forecasting.models.CalendarEvent.Kind",
        "HolidayKind": "forecasting.models.Holiday.Kind",
        "OverrideEffect": "forecasting.models.Override.Effect",
        "RunStatus": "forecasting.models.Run.Status",
        "PurchaseOrderStatus": "procurement.models.PurchaseOrder.Status",
    },
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
}

# --- Jobs ------------------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=REDIS_URL.replace("unix://", "redis+socket://"))
# What is sent to thousands of restaurants at once has a queue of its own. A worker to which nobody names others takes
# from both in turn, so that nobody who asks for something waits for the crowd.
CROWD_QUEUE = "crowd"
CELERY_TASK_QUEUES = [Queue("celery"), Queue(CROWD_QUEUE)]
CELERY_TASK_ROUTES = {"tenants.upkeep.*": {"queue": "upkeep"}}  # what only the database's owner may do
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SOFT_TIME_LIMIT = 3300
CELERY_TASK_TIME_LIMIT = 3600
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 2 * 3600}
CELERY_TIMEZONE = "UTC"

# --- The forecast's engine: in this process, or on a SageMaker endpoint (docs/forecast-backends.md) -------------------
FORECAST_BACKEND = env.str("FORECAST_BACKEND", default="local")
FORECAST_ENDPOINT = (
    {"name": env.str("FORECAST_ENDPOINT"), "region": env.str("FORECAST_REGION")}
    if FORECAST_BACKEND == "sagemaker"
    else None
)

# --- Weather, as a fact that forecasts learn from (off unless a provider is named) ------------------------------------
WEATHER_PROVIDER = env.str("WEATHER_PROVIDER", default="")
WEATHER_API_KEY = env.str("WEATHER_API_KEY", default="")
WEATHER_FORECAST_URL = env.str("WEATHER_FORECAST_URL", default="https://api.open-meteo.com/v1/forecast")
WEATHER_HISTORY_URL = env.str(
    "WEATHER_HISTORY_URL", default="https://historical-forecast-api.open-meteo.com/v1/forecast"
)

# --- Mail ------------------------------------------------------------------------------------------------------------
vars().update(env.email_url_config(env.str("EMAIL_URL", default="").strip() or "consolemail://"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"Flux <orders@{FLUX_DOMAIN}>")
EMAIL_TIMEOUT = 20

# --- Staff admin -----------------------------------------------------------------------------------------------------
# The portal's green from light to dark: lightness in percent and chroma of each of unfold's steps.
GREEN = {50: (97, 0.02), 100: (94, 0.04), 200: (88, 0.07), 300: (80, 0.1), 400: (70, 0.11), 500: (56, 0.1)}
GREEN |= {600: (46, 0.09), 700: (39, 0.08), 800: (33, 0.07), 900: (28, 0.06), 950: (21, 0.04)}
UNFOLD = {
    "COLORS": {"primary": {str(step): f"oklch({light}% {chroma} 168)" for step, (light, chroma) in GREEN.items()}},
    "SITE_TITLE": "tenants.sites.title",
    "SITE_HEADER": "tenants.sites.title",
    "SITE_SYMBOL": "restaurant",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "tenants.sites.favicon"}],
    "SHOW_VIEW_ON_SITE": False,
    "SIDEBAR": {"navigation": "tenants.sites.navigation", "show_search": True},
}

# --- Logs ------------------------------------------------------------------------------------------------------------
LOG_JSON = env.bool("LOG_JSON", default=not (DEBUG or DEMO or TESTING))
LOGGING = logging_config(json=LOG_JSON, level=env.str("LOG_LEVEL", default="INFO"))
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG  # one line per request: when it is done
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False

assert structlog.is_configured()  # noqa: S101 - logging_config has run
