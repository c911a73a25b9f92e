"""JSON in which a Decimal is a number."""

from decimal import Decimal
from typing import Any

from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder


class NumberEncoder(JSONEncoder):
    """DRF's, but for Decimals: Flux's have at most 14 digits, which a float gives back exactly as they are written."""

    def default(self, obj: Any) -> Any:
        return float(obj) if isinstance(obj, Decimal) else super().default(obj)


class EscapedRenderer(JSONRenderer):
    """Writes whatever is not ASCII as an escape."""

    encoder_class = NumberEncoder
    ensure_ascii = True


class NumberRenderer(JSONRenderer):
    """The API's only renderer."""

    encoder_class = NumberEncoder

    def render(self, *args: Any, **kwargs: Any) -> bytes:
        """The answer as UTF-8, or escaped where it holds half a surrogate pair, as an error does that repeats one."""
        try:
            return bytes(super().render(*args, **kwargs))
        except UnicodeEncodeError:
            return bytes(EscapedRenderer().render(*args, **kwargs))
