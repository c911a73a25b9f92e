"""`run_pipeline`: sync, forecast and suggest for one restaurant, here and now, with what came of each step."""

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

    def handle(self, *args: Any, **options: Any) -> None:
        with public_context():
            restaurant = Restaurant.objects.filter(slug=options["restaurant"]).first()
        if restaurant is None:
            raise CommandError(f"There is no restaurant {options['restaurant']}.")
        with restaurant_context(restaurant):
            self.run(restaurant)

    def run(self, restaurant: Restaurant) -> None:
        now = timezone.now()
        job = jobs.claim(jobs.request(pipeline.PIPELINE, now=now).pk, now=now)
        if job is None:
            raise CommandError(f"The pipeline of {restaurant.name} is running already.")
        for outcome in pipeline.run(restaurant, now=now, job=job):
            self.stdout.write(f"{outcome.name:9} {outcome.status:8} {outcome.seconds:6.1f} s  {outcome.text}")
        if job.error:
            raise CommandError(job.error)
