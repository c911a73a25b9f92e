from typing import Any

from django.apps import AppConfig
from django.core.checks import Tags, register


class TenantsConfig(AppConfig):
    name = "tenants"
    verbose_name = "Restaurants and people"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Besides our checks: allauth's pages change second steps, and tell of it by signals alone."""
        from allauth.mfa import signals

        from tenants.checks import movable_schemas

        register(movable_schemas, Tags.models)
        for changed in (signals.authenticator_added, signals.authenticator_removed, signals.authenticator_reset):
            changed.connect(end_tokens, dispatch_uid="tenants.end_tokens")


def end_tokens(user: Any, **_facts: Any) -> None:
    """End every token of the person whose second step has changed: whoever signed in before is out."""
    from tenants import tokens

    tokens.end_all(user)
