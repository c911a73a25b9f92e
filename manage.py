#!/usr/bin/env python
"""Django's command-line utility for administrative tasks."""

import os
import sys


def main() -> None:
    """Run administrative tasks: as the database's owner, and for the platform unless a command opens a restaurant."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flux.settings")
    os.environ.setdefault("FLUX_IDENTITY", "owner")
    from django.core.management import execute_from_command_line

    from tenants.context import public_context

    with public_context():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
