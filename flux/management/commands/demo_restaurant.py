"""`demo_restaurant`: the made-up bistro to look at; its eighteen months of sales load in the background."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from flux.demo import bistro, opening
from flux.demo.bistro import Bistro
from flux.tasks import ask_for_demo_history, send_what_is_due, take_up_again
from tenants.context import restaurant_context
from tenants.tasks import for_each_restaurant


class Command(BaseCommand):
    """Open the demo restaurant, or find it open, and let a worker fill its sales up to yesterday."""

    help = __doc__
    requires_system_checks = ()  # the web server that starts beside it does them, and the first page shall come soon

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fresh", action="store_true", help="remove it with all its data first")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("The demo restaurant has a public password: it opens only where FLUX_DEMO=1 is set.")
        facts, now = bistro.read(), timezone.now()
        if options["fresh"]:
            opening.close_for_good(facts)
        restaurant = opening.open_bistro(facts, now=now)
        for_each_restaurant(take_up_again)  # the demo has one worker and one broker, which have just been started
        with restaurant_context(restaurant):
            ask_for_demo_history(restaurant, now=now)
            send_what_is_due(restaurant, now=now)
        self.stdout.write(sign_in(facts))


def sign_in(facts: Bistro) -> str:
    """Who may sign in, with the password: for the terminal of somebody who tries Flux."""
    people = "\n".join(f"  {person.email:24} {person.role}" for person in facts.people)
    return f"{facts.name} is open at {facts.slug}.{settings.FLUX_DOMAIN}; the password is {facts.password}\n{people}"
