"""`run_pipeline`: sync, forecast and suggest for one restaurant, here and now, with what came of each step."""

import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from flux import pipeline
from tenants.context import public_context, restaurant_context
from tenants.models import Restaurant
from tenants.office import jobs


class Command(BaseCommand):
    """Run the pipeline of one restaurant and wait for it, as the worker does after an import and every night."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--restaurant", required=True, metavar="SLUG")
        parser.add_argument(
            "--as-of",
            type=dt.date.fromisoformat,
            metavar="YYYY-MM-DD",
            help="as on the early morning of that day: for sales that ended in the past",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with public_context():
            restaurant = Restaurant.objects.filter(slug=options["restaurant"]).first()
        if restaurant is None:
            raise CommandError(f"There is no restaurant {options['restaurant']}.")
        with restaurant_context(restaurant):
            self.run(restaurant, options["as_of"])

    def run(self, restaurant: Restaurant, as_of: dt.date | None) -> None:
        now = timezone.now()
        job = jobs.claim(jobs.request(pipeline.PIPELINE, now=now).pk, now=now)
        if job is None:
            raise CommandError(f"The pipeline of {restaurant.name} is running already.")
        for outcome in pipeline.run(restaurant, now=pipeline.morning_of(restaurant, as_of) if as_of else now, job=job):
            self.stdout.write(f"{outcome.name:9} {outcome.status:8} {outcome.seconds:6.1f} s  {outcome.text}")
        if job.error:
            raise CommandError(job.error)
