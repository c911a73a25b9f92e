"""The restaurants, and the host names that lead to them."""

import datetime as dt
import re
import secrets
import zoneinfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.functional import cached_property
from django.utils.timezone import now
from django_tenants.models import DomainMixin, TenantMixin

from tenants.keys import uuid7
from tenants.models.people import User

# Names that the platform may want, that people would take for the platform, or that programs look up by themselves.
RESERVED_SLUGS = frozenset(
    {"www", "api", "admin", "mail", "static", "status", "flux", "app", "auth", "account", "accounts", "assets", "cdn"}
    | {"billing", "blog", "docs", "help", "login", "signin", "signup", "media", "platform", "security", "staff"}
    | {"support", "localhost", "ftp", "imap", "pop", "smtp", "webmail", "postmaster", "ns1", "ns2"}
    | {"autoconfig", "autodiscover", "isatap", "wpad"}
)
REOPENING = dt.timedelta(days=30)


def new_schema_name() -> str:
    """An opaque schema name: it never changes, says nothing about the restaurant and cannot be guessed."""
    return "r_" + secrets.token_hex(10)


def validate_time_zone(value: str) -> None:
    """Refuse what is not an IANA time zone."""
    if value not in zoneinfo.available_timezones():
        raise ValidationError(f"“{value}” is not an IANA time zone such as Europe/Paris.")


def validate_slug(value: str) -> None:
    """Refuse slugs that are host names of the platform, or that pose as another name (`xn--…` is shown decoded)."""
    if value in RESERVED_SLUGS or value.startswith("xn--"):
        raise ValidationError(f"“{value}” is reserved.")


class RestaurantQuerySet(models.QuerySet["Restaurant"]):
    """Named reads."""

    def working(self) -> "RestaurantQuerySet":
        """Restaurants that jobs run for."""
        return self.filter(status__in=[Restaurant.Status.TRIAL, Restaurant.Status.ACTIVE])

    def of(self, user: "User") -> "RestaurantQuerySet":
        """Restaurants that `user` is a member of and that are open to people."""
        from tenants.models.access import Membership  # which knows restaurants

        memberships = Membership.objects.current().filter(user=user)
        return self.filter(memberships__in=memberships).exclude(status=Restaurant.Status.CLOSED).order_by("name")


class Restaurant(TenantMixin):
    """One restaurant: its host, its schema, and the facts that every date and amount depends on."""

    auto_create_schema = False  # `provisioning.open_restaurant` makes it, in the same transaction as the row

    class Status(models.TextChoices):
        TRIAL = "trial"
        ACTIVE = "active"
        SUSPENDED = "suspended"
        CLOSED = "closed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=120)
    slug = models.CharField(
        max_length=40,
        unique=True,
        validators=[
            RegexValidator(re.compile(r"\A[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z"), "Use a–z, 0–9 and hyphens."),
            validate_slug,
        ],
        help_text="The first part of its address: slug.flux.example",
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.TRIAL)
    schema_name = models.CharField(max_length=63, unique=True, default=new_schema_name, editable=False)
    timezone = models.CharField("time zone", max_length=64, validators=[validate_time_zone])
    currency = models.CharField(
        max_length=3, validators=[RegexValidator(r"\A[A-Z]{3}\Z", "Three letters, such as EUR.")]
    )
    closeout_hour = models.PositiveSmallIntegerField(
        default=4,
        validators=[MinValueValidator(0), MaxValueValidator(12)],
        help_text="Hour of the local night at which the business day ends.",
    )
    country = models.CharField(max_length=2, validators=[RegexValidator(r"\A[A-Z]{2}\Z", "Two letters, such as FR.")])
    subdivision = models.CharField(max_length=6, blank=True, help_text="For regional holidays, such as BY or CA.")
    created_at = models.DateTimeField(default=now, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="When its owner closed it.")

    objects = RestaurantQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="tenants_restaurant_known_status",
                condition=models.Q(status__in=["trial", "active", "suspended", "closed"]),
            ),
            models.CheckConstraint(
                name="tenants_restaurant_closeout_at_night",
                condition=models.Q(closeout_hour__gte=0, closeout_hour__lte=12),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def __enter__(self) -> "Restaurant":
        """django-tenants keeps what was chosen before on the class, where threads would swap restaurants."""
        raise TypeError("Use restaurant_context(restaurant).")

    @cached_property
    def host(self) -> str:
        """The host name that people reach it by."""
        primary = [domain.domain for domain in self.domains.all() if domain.is_primary]
        return primary[0] if primary else f"{self.slug}.{settings.FLUX_DOMAIN}"

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The restaurant's own time zone."""
        return zoneinfo.ZoneInfo(self.timezone)

    @property
    def reopens_until(self) -> dt.datetime | None:
        """Until when the platform's staff may open a closed restaurant again."""
        return self.closed_at + REOPENING if self.closed_at else None

    def clean(self) -> None:
        """Refuse the slug whose host another restaurant has, or had once and keeps."""
        host = f"{self.slug}.{settings.FLUX_DOMAIN}"
        if self.slug and Domain.objects.filter(domain=host).exclude(tenant=self.pk).exists():
            raise ValidationError({"slug": f"“{self.slug}” is taken. Choose another one."})

    @property
    def is_open_to_people(self) -> bool:
        """Whether its members may work in it now."""
        return self.status in {self.Status.TRIAL, self.Status.ACTIVE}

    def business_date(self, moment: dt.datetime) -> dt.date:
        """The business day of an aware `moment`.

        Wall-clock local time minus the closeout hours, then the date: subtracting hours in UTC is wrong on both days
        of a clock change.
        """
        wall = moment.astimezone(self.zone).replace(tzinfo=None)
        return (wall - dt.timedelta(hours=self.closeout_hour)).date()


class Domain(DomainMixin):
    """A host name that leads to a restaurant."""

    class Meta:
        ordering = ["domain"]

    def __str__(self) -> str:
        return self.domain

    def clean(self) -> None:
        """Refuse what is not `<slug>.<FLUX_DOMAIN>` with a slug that a restaurant may have: nothing else leads here."""
        self.domain = self.domain.strip().lower()
        slug, _, rest = self.domain.partition(".")
        if rest != settings.FLUX_DOMAIN:
            raise ValidationError({"domain": f"Only an address of this platform: old-name.{settings.FLUX_DOMAIN}"})
        try:
            Restaurant._meta.get_field("slug").clean(slug, None)
        except ValidationError as error:
            raise ValidationError({"domain": error.messages}) from error
