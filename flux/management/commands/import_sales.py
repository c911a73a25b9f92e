"""`import_sales`: sales from CSV files, then the pipeline in the background."""

import datetime as dt
import gzip
import sys
import time
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from flux import tasks
from pos import importing
from pos.models import SalesFile
from pos.providers.base import ProviderError
from tenants.actors import FLUX
from tenants.context import public_context, restaurant_context
from tenants.models import Restaurant

SHOWN_REJECTS = 5
DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}


def column(text: str) -> tuple[str, str]:
    """``field=column``; the column is a name of the header or ``#3``, and empty for none."""
    field, equals, name = text.partition("=")
    if not equals:
        raise ArgumentTypeError(f"“{text}” is not field=column, such as item=Product")
    return field, name


def tax(text: str) -> dict[str, Any]:
    """``no``, or the rate that the prices include: 0.10, or 10%."""
    if text.lower() in {"no", "none", "without"}:
        return {"prices_include_tax": False, "tax_rate": None}
    try:
        rate = importing.tax_rate(text)
    except importing.AnswerRefused as error:
        raise ArgumentTypeError(str(error)) from error
    return {"prices_include_tax": True, "tax_rate": str(rate)}


class Command(BaseCommand):
    """Import sales from CSV files (gzip or not) into a restaurant; importing a file again changes nothing."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--restaurant", required=True, metavar="SLUG")
        parser.add_argument("--map", action="append", default=[], type=column, metavar="FIELD=COLUMN", dest="mapping")
        parser.add_argument("--time-zone", metavar="TZ", help="of moments without one; the restaurant's by default")
        parser.add_argument("--date-order", choices=["dmy", "mdy", "ymd"], help="decided from the dates by default")
        parser.add_argument("--decimal", choices=[".", ","], help="decided from the figures by default")
        parser.add_argument("--delimiter", help="one character, or tab; found by default")
        parser.add_argument(
            "--prices-include-tax", type=tax, metavar="RATE|no", help="such as 0.10; asked once per source"
        )
        parser.add_argument("--rejects", type=Path, metavar="FILE", help="write the refused rows to this CSV file")
        parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
        parser.add_argument("--no-pipeline", action="store_true", help="do not forecast and suggest orders afterwards")

    def handle(self, *args: Any, **options: Any) -> None:
        with public_context():
            restaurant = Restaurant.objects.filter(slug=options["restaurant"]).first()
        if restaurant is None:
            raise CommandError(f"There is no restaurant “{options['restaurant']}”.")
        with restaurant_context(restaurant):
            imported = [self.one(path, restaurant, options) for path in options["files"]]
            if not any(imported):
                sys.exit(1)
            if not (options["dry_run"] or options["no_pipeline"]):
                self.follow(restaurant)

    def one(self, path: Path, restaurant: Restaurant, options: dict[str, Any]) -> bool:
        """Import one file and say what came of it; whether anything of it could be imported."""
        began, now = time.perf_counter(), timezone.now()
        try:
            file = importing.store(path.read_bytes(), name=path.name, by=FLUX, at=now)
            importing.answer(file, answers(options), by=FLUX, at=now)
            report = self.load(file, restaurant, now, dry_run=options["dry_run"])
        except OSError as error:
            self.stderr.write(f"{path}: {error.strerror}")
            return False
        except ProviderError as error:
            self.stderr.write(f"{path.name}: {error}")
            return False
        self.tell(path, report, time.perf_counter() - began, dry_run=options["dry_run"])
        if options["rejects"] and file.rejects:
            options["rejects"].write_bytes(gzip.decompress(bytes(file.rejects)))
            self.stdout.write(f"  The refused rows are in {options['rejects']}.")
        return True

    def load(self, file: SalesFile, restaurant: Restaurant, now: dt.datetime, *, dry_run: bool) -> dict[str, Any]:
        if not dry_run:
            return importing.run(file, restaurant=restaurant, by=FLUX, now=now)
        report = importing.preview(file, restaurant=restaurant, now=now)
        if "problem" in report:
            raise ProviderError(report["problem"], permanent=True)
        return report

    def tell(self, path: Path, report: dict[str, Any], seconds: float, *, dry_run: bool) -> None:
        say = self.stdout.write
        say(
            f"{path.name}: {report['rows']:,} rows, {report['accepted']:,} accepted, {report['refused']:,} refused"
            + (f", {report['voided']:,} voided" if report["voided"] else "")
            + (f"; {report['returns']:,} are returns" if report["returns"] else "")
        )
        for line, field, value, reason in report["rejects"][:SHOWN_REJECTS]:
            say(f"  line {line}: {field} “{value}” {reason}")
        if report["refused"] > SHOWN_REJECTS:
            say(f"  … and {report['refused'] - SHOWN_REJECTS:,} more")
        say(f"  {report['first_on']} to {report['last_on']}, {report['days']:,} dates, {report['units']} units")
        if not report["date_order_proven"]:
            say(f"  Day and month could be read either way; read as {report['date_order']} (see --date-order).")
        say(
            f"  orders: {report['orders_new']:,} new, {report['orders_changed']:,} changed, "
            f"{report['orders_unchanged']:,} unchanged, {report['orders_removed']:,} removed; "
            f"{report['items_new']:,} new menu items"
        )
        for kept in report["kept"]:
            say(f"  {kept['days']:,} dates from {kept['first_on']} to {kept['last_on']} stay with {kept['source']}.")
        if dry_run:
            say("  Nothing was changed: this was a dry run.")
        else:
            say(f"  {seconds:.2f} s, {report['rows'] / seconds:,.0f} lines/s")

    def follow(self, restaurant: Restaurant) -> None:
        """Ask for forecast and orders."""
        tasks.ask_for_pipeline(restaurant, now=timezone.now())
        self.stdout.write("Forecast and suggested orders follow in the background.")


def answers(options: dict[str, Any]) -> dict[str, Any]:
    """What the options say about the files, without those that say nothing."""
    delimiter = options["delimiter"]
    said = {
        "mapping": dict(options["mapping"]),
        "time_zone": options["time_zone"],
        "date_order": options["date_order"],
        "decimal": options["decimal"],
        "delimiter": DELIMITERS.get(delimiter, delimiter),
    }
    return {key: value for key, value in said.items() if value} | (options["prices_include_tax"] or {})
