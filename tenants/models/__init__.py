"""Who the restaurants and the people are. These tables live in `public`, once for all restaurants."""

from tenants.models.access import SOON, ApiKey, Invitation, Membership, Tablet
from tenants.models.people import User
from tenants.models.restaurants import (
    REOPENING,
    RESERVED_SLUGS,
    Domain,
    Restaurant,
    new_schema_name,
    validate_slug,
    validate_time_zone,
)
from tenants.models.upkeep import Erasure, FailedTask, Health, Schema, UnfinishedMigration

__all__ = [
    "REOPENING",
    "RESERVED_SLUGS",
    "SOON",
    "ApiKey",
    "Domain",
    "Erasure",
    "FailedTask",
    "Health",
    "Invitation",
    "Membership",
    "Restaurant",
    "Schema",
    "Tablet",
    "UnfinishedMigration",
    "User",
    "new_schema_name",
    "validate_slug",
    "validate_time_zone",
]
