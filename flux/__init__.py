"""Flux: the project that wires the apps together."""

from flux.celery import app as celery_app

__all__ = ["celery_app"]
