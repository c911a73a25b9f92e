"""The proof, for programs: what was found on hidden weeks, how far the newest try is, and starting one."""

from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from forecasting import proof
from forecasting.api.forecasts import NothingToForecast
from forecasting.arithmetic import enough
from forecasting.models import Backtest
from forecasting.tasks import ask_for_backtest
from tenants.actors import asking
from tenants.context import current_restaurant
from tenants.office.models import Job


class MethodSerializer(serializers.Serializer[dict[str, Any]]):
    """How far one way of forecasting was off; shares of the units sold."""

    wape = serializers.FloatField(help_text="Σ|sold − forecast| / Σ sold, per item and day.")
    bias = serializers.FloatField(help_text="Σ(forecast − sold) / Σ sold: above 0 is too much.")
    weekly_wape = serializers.FloatField(help_text="The same error of each item's sum over a week.")
    coverage_80 = serializers.FloatField(required=False, help_text="Flux only: share of sales inside q10 to q90.")
    pinball = serializers.FloatField(required=False, help_text="Flux only: mean pinball loss over the quantiles.")


class ScoresSerializer(serializers.Serializer[dict[str, Any]]):
    """The methods side by side on the same item-days."""

    items = serializers.IntegerField()
    item_days = serializers.IntegerField(help_text="Item-days that were judged.")
    units = serializers.FloatField(help_text="Units sold on them.")
    flux = MethodSerializer()
    same_weekday = MethodSerializer(help_text="Mean of the last four open days of the weekday.")
    trimmed = MethodSerializer(
        allow_null=True, help_text="Mean of the weekday over eight weeks, without zeros, lowest and highest."
    )


class OffSerializer(serializers.Serializer[dict[str, Any]]):
    """Units off by method."""

    flux = serializers.FloatField()
    same_weekday = serializers.FloatField()
    trimmed = serializers.FloatField(allow_null=True)


class BacktestItemSerializer(serializers.Serializer[dict[str, Any]]):
    """One menu item on its judged days."""

    item = serializers.UUIDField(help_text="Id of the menu item.")
    days = serializers.IntegerField()
    units = serializers.FloatField(help_text="Units sold.")
    expected = serializers.FloatField(help_text="Units that Flux expected.")
    inside_80 = serializers.IntegerField(help_text="Days on which sales were inside q10 to q90.")
    off = OffSerializer(help_text="Σ|sold − forecast| in units.")


class BacktestSerializer(serializers.ModelSerializer[Backtest]):
    """The last weeks, hidden and predicted: what it says of all items and of the 20 sold most."""

    weeks = serializers.IntegerField(source="result.weeks")
    all = ScoresSerializer(source="result.all", allow_null=True, help_text="Null where nothing was sold.")
    top = ScoresSerializer(source="result.top", allow_null=True, help_text="The 20 items sold most.")
    falls_back = serializers.BooleanField(
        source="result.falls_back", help_text="Flux lost as a whole: every item gets the same-weekday mean."
    )
    baseline_items = serializers.ListField(
        source="result.baseline_items",
        child=serializers.UUIDField(),
        help_text="Menu items that get the same-weekday mean, since it was clearly better for them.",
    )

    class Meta:
        model = Backtest
        fields = [
            "id", "first_on", "last_on", "model_version", "created_at", "weeks", "all", "top", "falls_back",
            "baseline_items",
        ]  # fmt: skip
        read_only_fields = fields


class BacktestDetailSerializer(BacktestSerializer):
    """The same with every item, those sold most first."""

    items = BacktestItemSerializer(source="result.items", many=True)

    class Meta(BacktestSerializer.Meta):
        fields = [*BacktestSerializer.Meta.fields, "items"]
        read_only_fields = fields


class BacktestJobSerializer(serializers.ModelSerializer[Job]):
    """How far the backtest is that was asked for last."""

    progress = serializers.SerializerMethodField(help_text="0 to 1.")
    backtest = serializers.UUIDField(
        source="result.backtest", allow_null=True, default=None, help_text="Id of what it made, once it is done."
    )

    class Meta:
        model = Job
        fields = ["status", "progress", "note", "error", "created_at", "finished_at", "backtest"]
        read_only_fields = fields

    @extend_schema_field(float)
    def get_progress(self, job: Job) -> float:
        return job.percent / 100


@extend_schema(tags=["forecasts"])
class BacktestViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[Backtest]):
    """Backtests on the restaurant's own history, newest first."""

    scope = "forecasts"
    queryset = Backtest.objects.order_by("-created_at", "-id")

    def get_serializer_class(self) -> Any:
        return BacktestDetailSerializer if self.action == "retrieve" else BacktestSerializer

    @extend_schema(request=None, responses={202: BacktestJobSerializer, 409: OpenApiResponse(description="Too short")})
    def create(self, request: Request) -> Response:
        """Hide the last weeks and predict them, in the background; while one is under way, that one is answered.

        409 with too little history: 8 weeks of sales are needed.
        """
        try:
            job = ask_for_backtest(current_restaurant(), now=timezone.now(), by=asking(request))
        except enough.TooShort as problem:
            raise NothingToForecast(str(problem)) from problem
        return Response(BacktestJobSerializer(job).data, status=202)

    @extend_schema(responses={200: BacktestJobSerializer, 404: OpenApiResponse(description="Never asked for")})
    @action(detail=False, pagination_class=None)
    def progress(self, request: Request) -> Response:
        """How far the backtest is that was asked for last."""
        job = Job.objects.last_of(proof.KIND)
        if job is None:
            raise Http404
        return Response(BacktestJobSerializer(job).data)
