"""What staff see and only verbs write."""

from typing import Any

from django.contrib.auth import get_permission_codename
from django.http import HttpRequest


class LookOnly:
    """Rows that only the verbs may write; shown whole but for what is `exclude`d."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return list(self.get_fields(request, obj))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        hidden = {"id", *(self.exclude or ())}  # type: ignore[attr-defined]
        every = [field.name for field in self.model._meta.fields if field.name not in hidden]  # type: ignore[attr-defined]
        return self.fields or every  # type: ignore[attr-defined]

    def has_verb_permission(self, request: HttpRequest) -> bool:
        """Who of the staff may have a verb write them: whoever could change them, were that done by hand."""
        model = self.model._meta  # type: ignore[attr-defined]
        return request.user.has_perm(f"{model.app_label}.{get_permission_codename('change', model)}")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
