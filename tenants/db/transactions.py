"""What code outside of a view does about transactions."""

from contextlib import AbstractContextManager, nullcontext

from django.conf import settings
from django.db import transaction

NOTHING: AbstractContextManager[object] = nullcontext()


def one_session() -> AbstractContextManager[object]:
    """Behind PgBouncer in transaction mode, a transaction: for its length the server's session stays the same.

    Elsewhere nothing. A view runs within it in a transaction of its own (ATOMIC_REQUESTS), which an error undoes.
    """
    return transaction.atomic() if settings.POOLED else NOTHING
