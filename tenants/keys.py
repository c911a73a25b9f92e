"""Keys of what the API names: UUIDv7, made in Python, so that they sort by time and are known before the insert."""

import uuid

from uuid_utils.compat import uuid7 as _uuid7


def uuid7() -> uuid.UUID:
    """A new time-ordered key (RFC 9562)."""
    return _uuid7()
