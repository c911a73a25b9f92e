"""Purchase orders, for programs: what is proposed and why, and the steps from draft to received."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from procurement import emails, orders
from procurement.models import PurchaseOrder, PurchaseOrderLine
from procurement.orders import OrderError
from tenants.access import EVERYBODY, MANAGERS, HidesMoney
from tenants.actors import asking
from tenants.context import current_restaurant


class StepNotPossible(APIException):
    """The order is in another state; the detail says in which."""

    status_code = 409
    default_code = "conflict"


class PurchaseOrderSerializer(HidesMoney, serializers.ModelSerializer[PurchaseOrder]):
    """A purchase order without its lines. The total is without tax."""

    supplier_name = serializers.CharField(source="supplier.name")
    n_lines = serializers.IntegerField(help_text="Lines with at least one pack.")
    total = serializers.DecimalField(max_digits=16, decimal_places=4)
    currency = serializers.SerializerMethodField(help_text="Of total and prices: the restaurant's own (ISO 4217).")

    class Meta:
        model = PurchaseOrder
        fields = [
            *["id", "number", "status", "supplier", "supplier_name", "n_lines", "total", "currency"],
            *["order_by_at", "deliver_on", "covers_until_on", "run", "recipe_share", "sending", "created_at"],
            *["updated_at", "approved_at", "sent_at", "received_at", "cancelled_at"],
        ]
        money_fields: ClassVar = ["total"]

    def get_currency(self, _order: PurchaseOrder) -> str:
        return current_restaurant().currency


class DriverSerializer(serializers.Serializer[dict[str, Any]]):
    """A dish behind a need: portions expected, and what they use in the ingredient's base unit."""

    menu_item = serializers.UUIDField()
    name = serializers.CharField()
    portions = serializers.FloatField()
    quantity = serializers.FloatField()


class PurchaseOrderLineSerializer(HidesMoney, serializers.ModelSerializer[PurchaseOrderLine]):
    """Packs of one item. `needed`, `on_hand`, `arriving` and `pack_quantity` are in the ingredient's base unit."""

    name = serializers.CharField(source="supplier_item.name")
    code = serializers.CharField(source="supplier_item.code", help_text="The supplier's own.")
    ingredient = serializers.CharField(source="supplier_item.ingredient.name")
    ingredient_id = serializers.UUIDField(source="supplier_item.ingredient_id")
    base_unit = serializers.CharField(source="supplier_item.ingredient.base_unit")
    pack = serializers.SerializerMethodField(help_text="Such as “6 × 1 kg”.")
    total = serializers.SerializerMethodField()
    drivers = DriverSerializer(many=True, help_text="The dishes behind the need, largest first.")
    quantile = serializers.DecimalField(
        max_digits=4, decimal_places=3, allow_null=True, help_text="Share of futures for which the need is enough."
    )

    class Meta:
        model = PurchaseOrderLine
        fields = [
            *["name", "code", "ingredient_id", "ingredient", "packs", "suggested_packs", "is_edited", "pack"],
            *["pack_quantity", "base_unit", "price", "total", "needed", "on_hand", "arriving", "quantile", "reason"],
            "drivers",
        ]
        money_fields: ClassVar = ["price", "total"]

    def get_pack(self, line: PurchaseOrderLine) -> str:
        return emails.pack_label(line)

    def get_total(self, line: PurchaseOrderLine) -> Decimal:
        return line.total


class PurchaseOrderWithLinesSerializer(PurchaseOrderSerializer):
    """A purchase order with its lines, each with the sentence that says why."""

    lines = PurchaseOrderLineSerializer(many=True)

    class Meta(PurchaseOrderSerializer.Meta):
        fields = [*PurchaseOrderSerializer.Meta.fields, "lines"]


class PurchaseOrderFilter(filters.FilterSet):
    """What a list may be narrowed to."""

    status = filters.ChoiceFilter(choices=PurchaseOrder.Status.choices)
    supplier = filters.UUIDFilter(field_name="supplier_id")
    deliver_from = filters.DateFilter(field_name="deliver_on", lookup_expr="gte", label="Delivered on or after it.")
    deliver_until = filters.DateFilter(field_name="deliver_on", lookup_expr="lte", label="Delivered on or before it.")


@extend_schema(tags=["purchase-orders"])
class PurchaseOrderViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[PurchaseOrder]):
    """Purchase orders, newest first. Flux keeps one draft for each supplier; owners and managers decide on it.

    Everybody may receive what was sent.
    """

    scope = "orders"
    queryset = PurchaseOrder.objects.to_list().order_by("-created_at", "-id")
    serializer_class = PurchaseOrderWithLinesSerializer
    filterset_class = PurchaseOrderFilter

    @property
    def write_roles(self) -> frozenset[str]:
        return EVERYBODY if self.action == "receive" else MANAGERS

    def get_queryset(self) -> QuerySet[PurchaseOrder]:
        found: Any = super().get_queryset()
        return found if self.action == "list" else found.with_lines()

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return PurchaseOrderSerializer if self.action == "list" else PurchaseOrderWithLinesSerializer

    @extend_schema(request=None, description="Decide that a draft shall be ordered.")
    @action(detail=True, methods=["post"], filterset_class=None)
    def approve(self, request: Request, pk: str) -> Response:
        return self.take_step(request, pk, orders.approve)

    @extend_schema(request=None, description="Send an approved order to its supplier by e-mail; never twice.")
    @action(detail=True, methods=["post"], filterset_class=None)
    def send(self, request: Request, pk: str) -> Response:
        return self.take_step(request, pk, partial(emails.send, restaurant=current_restaurant()))

    @extend_schema(request=None, description="The goods came as ordered: they go on stock.")
    @action(detail=True, methods=["post"], filterset_class=None)
    def receive(self, request: Request, pk: str) -> Response:
        return self.take_step(request, pk, orders.receive)

    @extend_schema(request=None, description="The order shall not come.")
    @action(detail=True, methods=["post"], filterset_class=None)
    def cancel(self, request: Request, pk: str) -> Response:
        return self.take_step(request, pk, orders.cancel)

    def take_step(self, request: Request, pk: str, step: Callable[..., PurchaseOrder]) -> Response:
        """Take it and answer with the order as it is now; 409 where its state does not allow the step."""
        order = self.get_object()
        try:
            step(order.pk, by=asking(request), at=timezone.now())
        except OrderError as problem:
            raise StepNotPossible(str(problem)) from problem
        return Response(self.get_serializer(get_object_or_404(self.get_queryset(), pk=pk)).data)
