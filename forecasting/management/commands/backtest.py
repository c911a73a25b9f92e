"""`backtest --restaurant SLUG` or `backtest --file F`: the last weeks, hidden and predicted, as a table."""

from argparse import ArgumentParser
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from forecasting import engine, proof
from forecasting.__main__ import Unusable, last_day, read_history
from forecasting.arithmetic import enough
from forecasting.arithmetic.almanac import public_holidays
from forecasting.engine import panel, trial, verdict
from forecasting.engine.panel import Panel
from forecasting.forecast import HORIZON_DAYS
from menu.models import MenuItem
from tenants.context import public_context, restaurant_context
from tenants.models import Restaurant

METHODS = {
    verdict.FLUX: "Flux",
    verdict.SAME_WEEKDAY: "same weekday, mean of 4 weeks",
    verdict.TRIMMED: "same weekday, 8 weeks trimmed",
}


class Command(BaseCommand):
    """Hide the last four weeks of sales (two of a history under 16 weeks), predict them, and print how that went."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument(
            "--restaurant", metavar="SLUG", help="its stored sales; the result is kept, as by the button"
        )
        which.add_argument("--file", type=Path, help="a CSV of date, item, quantity; a date without rows was closed")
        parser.add_argument("--country", default="", help="with --file, for public holidays: ISO code, such as FR")
        parser.add_argument("--subdiv", default="", help="its subdivision, such as ENG")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["file"]:
                self.of_file(options["file"], options["country"], options["subdiv"])
            else:
                self.of_restaurant(options["restaurant"])
        except (Unusable, enough.TooShort) as problem:
            raise CommandError(str(problem)) from problem

    def of_file(self, path: Path, country: str, subdivision: str) -> None:
        until = last_day(path)
        sales = panel.build(read_history(path, until=until), until=until)
        hidden = trial.hide(sales, forecast=partial(ask, country=country, subdivision=subdivision))
        self.tell(verdict.report(hidden), {})

    def of_restaurant(self, slug: str) -> None:
        with public_context():
            restaurant = Restaurant.objects.filter(slug=slug).first()
        if restaurant is None:
            raise CommandError(f"There is no restaurant {slug}.")
        with restaurant_context(restaurant):
            job = proof.request(restaurant, now=timezone.now())
            made = proof.work_off(restaurant, job.pk)
            if made is None:
                job.refresh_from_db()
                raise CommandError(job.error or f"A backtest of {restaurant.name} is running already.")
            self.tell(made.result, {str(pk): name for pk, name in MenuItem.objects.values_list("pk", "name")})

    def tell(self, result: dict[str, Any], names: Mapping[str, str]) -> None:
        """The table: all items, the 20 sold most together, and those one by one."""
        dates = result["days"]["dates"]
        self.stdout.write(f"{dates[0]} to {dates[-1]}: {result['weeks']} weeks hidden, {result['open_days']} open days")
        self.stdout.write("\nError: units off per item and day, of all units sold. Bias: too much (+), too little (−).")
        for title, scores in (("All items", result["all"]), ("The 20 sold most", result["top"])):
            self.stdout.write(f"\n{title}")
            for method, name in METHODS.items():
                if scores and scores[method]:
                    self.stdout.write(f"  {name:<30} {_scores(scores[method])}")
        self.stdout.write(f"\n{'Item':<32}{'units':>8}{'Flux':>8}{'4 weeks':>9}{'8 weeks':>9}")
        for row in result["items"][: verdict.TOP_ITEMS]:
            chosen = result["falls_back"] or row["item"] in result["baseline_items"]
            self.stdout.write(
                _line(row, names.get(row["item"], row["item"])) + ("  the mean is used" if chosen else "")
            )
        if result["falls_back"]:
            self.stdout.write("\nFlux was worse on the whole: every item gets the mean of the same weekday.")
        else:
            self.stdout.write(f"\n{len(result['baseline_items'])} of {len(result['items'])} items get that mean.")


def ask(known: Panel, country: str, subdivision: str) -> engine.Outlook:
    """The engine as the product asks it, for a place where only the public holidays are known."""
    years = range(known.days[0].item().year, known.days[-1].item().year + 2)
    holidays = public_holidays(country, subdivision, years) if country else {}
    return engine.forecast(known, horizon_days=HORIZON_DAYS, holidays=holidays)


def _scores(score: Mapping[str, float]) -> str:
    text = f"error {score['wape']:6.1%}   bias {score['bias']:+6.1%}   weekly sums {score['weekly_wape']:6.1%}"
    return text if "coverage_80" not in score else f"{text}   inside the 80 % range {score['coverage_80']:.1%}"


def _line(row: Mapping[str, Any], name: str) -> str:
    off = row["off"].values()
    shares = ["–" if units is None or not row["units"] else f"{units / row['units']:.0%}" for units in off]
    return f"{name[:31]:<32}{row['units']:>8,.0f}{shares[0]:>8}{shares[1]:>9}{shares[2]:>9}"
