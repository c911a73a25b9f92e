"""`python -m flux.bench NAME [its arguments]`: run one benchmark; its figures are the last line, as one JSON object."""

import importlib
import json
import os
import pkgutil
import sys

import django

import flux.bench
from tenants.context import public_context


def main(argv: list[str]) -> int:
    names = sorted(
        found.name.removesuffix("_")
        for found in pkgutil.iter_modules(flux.bench.__path__)
        if not found.name.startswith("_") and not found.ispkg
    )
    if not argv or argv[0] not in names:
        sys.stderr.write(f"Which benchmark? {', '.join(names)}\n")
        return 2
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flux.settings")
    os.environ.setdefault("FLUX_IDENTITY", "owner")
    django.setup()
    module = importlib.import_module(f"flux.bench.{argv[0]}{'_' if argv[0] == 'import' else ''}")
    with public_context():
        figures = module.run(argv[1:])
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
