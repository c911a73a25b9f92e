"""`render_template`: write `tenants/template.sql` anew, from what the migrations make."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants import provisioning, template


class Command(BaseCommand):
    """Run the migrations in an empty schema, read it back, and take the schema away again."""

    help = "Write the template of a restaurant's schema anew, from what the migrations make in an empty one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="write nothing; fail where the template is not current"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with provisioning.made_by_migrations() as name:
            text = template.render(name)
        there = template.FILE.read_text() if template.FILE.exists() else ""
        if options["check"] and text != there:
            raise CommandError(template.STALE)
        if text == there:
            self.stdout.write("The template is current.")
        else:
            template.FILE.write_text(text)
            self.stdout.write(f"Written: {template.FILE.name}.")
