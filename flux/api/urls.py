"""The addresses under /api/."""

from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

from flux.api import views
from flux.api.overrides import OverrideViewSet
from forecasting.api.accuracy import AccuracyViewSet
from forecasting.api.calendar import CalendarEventViewSet, DailyFactViewSet, HolidayViewSet
from forecasting.api.forecasts import ForecastRunViewSet, ForecastViewSet
from forecasting.api.likeness import LikenessViewSet
from forecasting.api.proof import BacktestViewSet
from menu.api import MenuItemViewSet, SoldOutViewSet
from procurement.api import PurchaseOrderViewSet

app_name = "api"
router = SimpleRouter()
router.register("forecasts", ForecastViewSet, basename="forecast")
router.register("forecast-runs", ForecastRunViewSet, basename="forecast-run")
router.register("calendar-events", CalendarEventViewSet, basename="calendar-event")
router.register("holidays", HolidayViewSet, basename="holiday")
router.register("daily-facts", DailyFactViewSet, basename="daily-fact")
router.register("overrides", OverrideViewSet, basename="override")
router.register("forecast-accuracy", AccuracyViewSet, basename="forecast-accuracy")
router.register("backtests", BacktestViewSet, basename="backtest")
router.register("purchase-orders", PurchaseOrderViewSet, basename="purchase-order")
router.register("menu-items", MenuItemViewSet, basename="menu-item")
router.register("sold-out", SoldOutViewSet, basename="sold-out")
router.register("likenesses", LikenessViewSet, basename="likeness")

urlpatterns = [
    path("v1/", views.index, name="index"),
    path("v1/", include(router.urls)),
    path("schema/", views.schema, name="schema"),
    path("docs/", views.docs, name="docs"),
    path("problems/", views.problem_kinds, name="problem_kinds"),
    path("problems/<slug:code>", views.problem_kind, name="problem_kind"),
    re_path("", views.unknown),
]
