"""What new dishes sell like, for programs."""

from typing import Any

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.mixins import DestroyModelMixin, ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from forecasting import likeness
from forecasting.models import Likeness
from menu.models import MenuItem
from tenants.actors import asking
from tenants.context import current_restaurant


class LikenessSerializer(serializers.ModelSerializer[Likeness]):
    """A new dish is expected to sell a share of what another one sells, until its own sales tell."""

    menu_item = serializers.UUIDField(source="menu_item_id", help_text="Id of the new menu item.")
    name = serializers.CharField(source="menu_item.name", help_text="Name of the new menu item.")
    like = serializers.UUIDField(source="like_id", help_text="Id of the menu item that it sells like.")
    like_name = serializers.CharField(source="like.name", help_text="Name of that one.")

    class Meta:
        model = Likeness
        fields = ["menu_item", "name", "like", "like_name", "share", "created_at"]
        read_only_fields = fields


class NewLikenessSerializer(serializers.Serializer[Likeness]):
    """Which new dish, like which other one, and at what share."""

    menu_item = serializers.PrimaryKeyRelatedField(
        queryset=MenuItem.objects.all(), pk_field=serializers.UUIDField(), help_text="Id of the new menu item."
    )
    like = serializers.PrimaryKeyRelatedField(
        queryset=MenuItem.objects.all(),
        pk_field=serializers.UUIDField(),
        help_text="Id of a menu item with 28 days of sales.",
    )
    share = serializers.DecimalField(
        max_digits=5, decimal_places=3, help_text="0.6: it sells 60 % of the other's units."
    )


@extend_schema(tags=["menu"])
class LikenessViewSet(ListModelMixin, RetrieveModelMixin, DestroyModelMixin, GenericViewSet[Likeness]):
    """What new dishes are expected to sell like; each is addressed by its menu item. The next run counts on it."""

    scope = "menu"
    queryset = Likeness.objects.select_related("menu_item", "like").order_by("menu_item__name", "menu_item_id")
    serializer_class = LikenessSerializer

    @extend_schema(request=NewLikenessSerializer, responses={201: LikenessSerializer})
    def create(self, request: Request) -> Response:
        """Say what a dish sells like, in place of what was said before."""
        asked = NewLikenessSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        now, values = timezone.now(), asked.validated_data
        today = current_restaurant().business_date(now)
        try:
            row = likeness.say(
                values["menu_item"], values["like"], values["share"], today=today, by=asking(request), at=now
            )
        except likeness.Refused as problem:
            field = "menu_item" if problem.about == "item" else problem.about
            raise serializers.ValidationError({field: [str(problem)]}) from problem
        address = request.build_absolute_uri(reverse("api:likeness-detail", args=[row.pk]))
        return Response(self.get_serializer(row).data, status=201, headers={"Location": address})

    def perform_destroy(self, instance: Any) -> None:
        """Forget it: the dish's own sales speak alone from the next run on."""
        likeness.forget(instance.menu_item, by=asking(self.request), at=timezone.now())
