"""What will be sold: runs and their forecasts, the calendar, people's own judgement, and how all of it fared."""

from forecasting.models.calendar import CalendarEvent, DailyFact, Holiday, Scope, WeatherPlace
from forecasting.models.judgement import Likeness, Override
from forecasting.models.proof import Backtest, Score
from forecasting.models.runs import RUN_STEPS, EngineState, Forecast, ForecastQuerySet, Run, RunQuerySet

__all__ = [
    "RUN_STEPS",
    "Backtest",
    "CalendarEvent",
    "DailyFact",
    "EngineState",
    "Forecast",
    "ForecastQuerySet",
    "Holiday",
    "Likeness",
    "Override",
    "Run",
    "RunQuerySet",
    "Scope",
    "Score",
    "WeatherPlace",
]
