"""System checks that keep a restaurant's schema movable: to another server, or spread over several.

What can be moved is a schema that stands alone: no foreign key leads out of it or into it, every row has a key of its
own, and no table's name exists in `public` too, where a query that lost its way would find it.
Triggers, which no model shows, are looked for in the catalogs by the tests.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.db import models

Model = type[models.Model]
KEYS = (models.BigAutoField, models.UUIDField)


def movable_schemas(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Django's entry: all models, whichever apps were asked for, since the rules are about pairs of them."""
    restaurants, public = _models_of(settings.TENANT_APPS), _models_of(settings.SHARED_APPS)
    return list(violations(restaurants, public))


def _models_of(names: Iterable[str]) -> list[Model]:
    """The models of the apps named, those that Django makes between two others included."""
    found = [config for config in apps.get_app_configs() if config.name in names or _path(config) in names]
    return [model for config in found for model in config.get_models(include_auto_created=True)]


def _path(config: AppConfig) -> str:
    return f"{type(config).__module__}.{type(config).__qualname__}"


def violations(restaurants: Sequence[Model], public: Sequence[Model]) -> Iterator[CheckMessage]:
    """What is wrong with the models of a restaurant's schema, beside those of `public`."""
    ours = [model for model in restaurants if _has_a_table(model)]
    theirs = [model for model in public if _has_a_table(model)]
    for model in ours:
        yield from _foreign_keys(model, set(ours), "leaves the restaurant's schema", "tenants.E001")
        yield from _key(model)
        yield from _name(model, {other._meta.db_table: other for other in theirs})
    for model in theirs:
        yield from _foreign_keys(model, set(theirs), "leads into a restaurant's schema", "tenants.E002", set(ours))


def _has_a_table(model: Model) -> bool:
    return not model._meta.proxy and not model._meta.abstract and not model._meta.swapped


def _foreign_keys(
    model: Model, inside: set[Model], how: str, code: str, outside: set[Model] | None = None
) -> Iterator[CheckMessage]:
    """Foreign keys that the database holds, to a table that is not among `inside` (or is among `outside`)."""
    for field in model._meta.local_fields:
        if not isinstance(field, models.ForeignKey) or not field.db_constraint:  # type: ignore[attr-defined]
            continue
        target: Model = field.remote_field.model._meta.concrete_model  # type: ignore[assignment]
        if target in outside if outside is not None else target not in inside:
            yield Error(
                f"{field} {how}: its foreign key refers to {target._meta.label}.",
                hint="Give it db_constraint=False, or hold the bare id.",
                obj=field,
                id=code,
            )


def _key(model: Model) -> Iterator[CheckMessage]:
    key: models.Field[Any, Any] | None = model._meta.pk
    while isinstance(key, models.ForeignKey):  # one to one: the other's key
        key = key.target_field
    if not model._meta.managed or not (isinstance(key, KEYS) or _is_natural(key)):
        yield Error(
            f"{model._meta.label} has no key that may move: {type(key).__name__}.",
            hint="Use a BigAutoField (an identity column), a UUIDField, or the date that there is one row for.",
            obj=model,
            id="tenants.E003",
        )


def _is_natural(key: "models.Field[Any, Any] | None") -> bool:
    """Whether the key is the day that there is one row for, or the fixed number of a table's only row."""
    if isinstance(key, models.PositiveSmallIntegerField):
        return bool(key.has_default())
    return isinstance(key, models.DateField) and not isinstance(key, models.DateTimeField)


def _name(model: Model, public: dict[str, Model]) -> Iterator[CheckMessage]:
    table = model._meta.db_table
    if table in public:
        yield Error(
            f"The table {table} is in every restaurant's schema and, of {public[table]._meta.label}, in public too.",
            hint="Name one of them otherwise: where the first is missing, a query would read the second.",
            obj=model,
            id="tenants.E004",
        )
    if '"' in table or "." in table or table.startswith("pg_"):
        yield Error(
            f"The table's name {table} points to another schema.",
            hint="Let Django name the table, or give a plain name.",
            obj=model,
            id="tenants.E005",
        )
