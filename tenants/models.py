"""Who the restaurants and the people are. These tables live in `public`, once for all restaurants."""

import datetime as dt
import re
import secrets
import zoneinfo
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils.functional import cached_property
from django.utils.timezone import now
from django_tenants.models import DomainMixin, TenantMixin

from tenants.keys import uuid7

# Names that the platform may want, that people would take for the platform, or that programs look up by themselves.
RESERVED_SLUGS = frozenset(
    {"www", "api", "admin", "mail", "static", "status", "flux", "app", "auth", "account", "accounts", "assets", "cdn"}
    | {"billing", "blog", "docs", "help", "login", "signin", "signup", "media", "platform", "security", "staff"}
    | {"support", "localhost", "ftp", "imap", "pop", "smtp", "webmail", "postmaster", "ns1", "ns2"}
    | {"autoconfig", "autodiscover", "isatap", "wpad"}
)


SOON = dt.timedelta(days=14)  # a key that ends within it is marked, so that somebody replaces it in time
REOPENING = dt.timedelta(days=30)


class UserManager(BaseUserManager["User"]):
    """Makes people; the e-mail address is the only name they sign in with."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A person with a hashed password; without one nobody can sign in until it is set.

        The address counts as verified: whoever signs up alone is made by the sign-up form, which asks for proof.
        """
        if not email:
            raise ValueError("A person needs an e-mail address.")
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        with transaction.atomic(using=self._db):
            user.save(using=self._db)
            user.vouch_for_email()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Platform staff with every right in the staff admin (and none in a restaurant without a membership)."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person, known by e-mail; one person may work in several restaurants."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField("e-mail")
    name = models.CharField(max_length=120, blank=True)
    is_staff = models.BooleanField("platform staff", default=False)
    is_active = models.BooleanField(default=True)
    token_epoch = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="Tokens of the API carry it; counting it up ends them all."
    )
    joined_at = models.DateTimeField(default=now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="tenants_user_unique_email"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def clean(self) -> None:
        self.email = self.email.strip().lower()

    def vouch_for_email(self) -> None:
        """Make `email` the person's one verified address: somebody whom we trust says that it is theirs."""
        from allauth.account.models import EmailAddress

        EmailAddress.objects.filter(user=self).exclude(email=self.email).delete()
        EmailAddress.objects.update_or_create(user=self, email=self.email, defaults={"verified": True, "primary": True})


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
        """Refuse what no browser would send as a host, and the platform's own."""
        self.domain = self.domain.strip().lower()
        if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", self.domain) or ".." in self.domain:
            raise ValidationError({"domain": "Only a host name, without scheme and port: old-name.flux.example"})
        if self.domain == settings.FLUX_DOMAIN:
            raise ValidationError({"domain": "This is the platform's own host."})


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Named reads. Whoever asks what somebody may do starts from `current`."""

    def current(self, at: dt.datetime | None = None) -> "MembershipQuerySet":
        """Those that count at `at` (now): support access counts until its end, all others until they are taken away."""
        return self.filter(models.Q(ends_at=None) | models.Q(ends_at__gt=at or now()))

    def support(self) -> "MembershipQuerySet":
        """Support access, ended or not, the newest first."""
        return self.exclude(ends_at=None).order_by("-ends_at")

    def of_staff_of(self, restaurant: Restaurant) -> "MembershipQuerySet":
        """Those who work there, by name; support access is not among them."""
        return (
            self.filter(restaurant=restaurant, ends_at=None)
            .select_related("user")
            .order_by("user__name", "user__email")
        )

    def open_for(self, user: "User") -> "MembershipQuerySet":
        """Where `user` may go now, by the restaurants' names."""
        open_to_people = self.current().filter(user=user).exclude(restaurant__status=Restaurant.Status.CLOSED)
        return (
            open_to_people.select_related("restaurant")
            .prefetch_related("restaurant__domains")
            .order_by("restaurant__name")
        )


class Membership(models.Model):
    """One person's role in one restaurant. One with an end is support access: platform staff, for a reason."""

    class Role(models.TextChoices):
        OWNER = "owner"
        MANAGER = "manager"
        KITCHEN = "kitchen"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    restaurant = models.ForeignKey(Restaurant, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    created_at = models.DateTimeField(default=now, editable=False)
    last_seen_at = models.DateTimeField(null=True, blank=True, editable=False)
    pin = models.CharField(
        "PIN",
        max_length=128,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="Hashed; for the kitchen's shared tablet.",
    )
    ends_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="Support access only.")
    reason = models.CharField(
        max_length=200, blank=True, default="", db_default="", editable=False, help_text="Why support was let in."
    )
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="Who let support in.",
    )

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "restaurant"], name="tenants_membership_once"),
            models.CheckConstraint(
                name="tenants_membership_known_role", condition=models.Q(role__in=["owner", "manager", "kitchen"])
            ),
            models.CheckConstraint(
                name="tenants_membership_support_ends_and_has_a_reason",
                condition=(
                    models.Q(ends_at=None, reason="", granted_by=None)
                    | (models.Q(ends_at__isnull=False, role="manager") & ~models.Q(reason=""))
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.restaurant}"

    @property
    def is_support(self) -> bool:
        """Whether this is a time-limited access of platform staff, and nobody who works here."""
        return self.ends_at is not None

    @staticmethod
    def role_of(user_id: UUID, restaurant: Restaurant) -> str | None:
        """The person's role in the restaurant now, or None."""
        current = Membership.objects.current().filter(user_id=user_id, restaurant=restaurant)
        found: str | None = current.values_list("role", flat=True).first()
        return found


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Named reads."""

    def open(self) -> "InvitationQuerySet":
        """Neither accepted nor revoked; one that has expired is among them."""
        return self.filter(accepted_at=None, revoked_at=None).order_by("created_at")

    def to(self, email: str) -> "InvitationQuerySet":
        """Those to this e-mail address, in whatever case it is written."""
        return self.filter(email__iexact=email.strip())


class Invitation(models.Model):
    """An owner's word that whoever holds the secret from an e-mail may join a restaurant in a role, once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    restaurant = models.ForeignKey(Restaurant, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField("e-mail")
    role = models.CharField(max_length=10, choices=Membership.Role)
    secret_hash = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the secret.")
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)
    expires_at = models.DateTimeField()
    emailed_at = models.DateTimeField(null=True, blank=True, help_text="When the mail server took the e-mail.")
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(
                "restaurant",
                Lower("email"),
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="tenants_invitation_one_open",
            ),
            models.CheckConstraint(
                name="tenants_invitation_known_role", condition=models.Q(role__in=["owner", "manager", "kitchen"])
            ),
            models.CheckConstraint(
                name="tenants_invitation_accepted_or_revoked",
                condition=models.Q(accepted_at=None) | models.Q(revoked_at=None),
            ),
            models.CheckConstraint(
                name="tenants_invitation_accepted_by_somebody_at_a_time",
                condition=models.Q(accepted_by=None) | models.Q(accepted_at__isnull=False),
            ),
            models.CheckConstraint(
                name="tenants_invitation_expires_after_it_was_made",
                condition=models.Q(expires_at__gt=models.F("created_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} is invited to {self.restaurant} as {self.role}"


class TabletQuerySet(models.QuerySet["Tablet"]):
    """Named reads."""

    def enrolled(self) -> "TabletQuerySet":
        """Those on which a PIN works, by name."""
        return self.filter(revoked_at=None).order_by("name", "created_at")


class Tablet(models.Model):
    """A device in the kitchen on which members sign in with a PIN; the browser holds a signed mark of this row."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    restaurant = models.ForeignKey(Restaurant, on_delete=models.CASCADE, related_name="tablets")
    name = models.CharField(max_length=60)
    enrolled_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = TabletQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(name="tenants_tablet_has_a_name", condition=~models.Q(name="")),
        ]

    def __str__(self) -> str:
        return self.name


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Named reads."""

    def working(self, at: dt.datetime) -> "ApiKeyQuerySet":
        """Those that open the API at `at`."""
        return self.filter(revoked_at=None, expires_at__gt=at)


class ApiKey(models.Model):
    """A key by which another maker's program works with one restaurant. Only its fingerprint is kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    restaurant = models.ForeignKey(Restaurant, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80, help_text="What uses it, such as “Till export”.")
    prefix = models.CharField(
        max_length=20, editable=False, help_text="The first part, by which people tell keys apart."
    )
    sha256 = models.CharField(max_length=64, unique=True, editable=False, help_text="Of the whole key, in hexadecimal.")
    scopes = ArrayField(models.CharField(max_length=40), help_text="What it may do, such as orders:read.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="To the minute.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    replaced_by = models.OneToOneField(
        "self", on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="replaces"
    )

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["restaurant", "-created_at"], name="tenants_apikey_of_restaurant")]
        constraints = [
            models.CheckConstraint(name="tenants_apikey_may_do_something", condition=models.Q(scopes__len__gt=0)),
            models.CheckConstraint(
                name="tenants_apikey_is_a_fingerprint", condition=models.Q(sha256__regex="^[0-9a-f]{64}$")
            ),
            models.CheckConstraint(
                name="tenants_apikey_ends_later", condition=models.Q(expires_at__gte=models.F("created_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_authenticated(self) -> bool:
        """For what asks whether somebody signed in: a key that was found is somebody."""
        return True

    def is_working(self, at: dt.datetime) -> bool:
        """Whether it opens the API at `at`."""
        return self.revoked_at is None and at < self.expires_at

    def state(self, at: dt.datetime) -> str:
        """In a word: working, ends_soon, replaced (works until its successor has taken over), ended or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        if at >= self.expires_at:
            return "ended"
        if self.replaced_by_id:
            return "replaced"
        return "ends_soon" if self.expires_at - at < SOON else "working"


class Health(models.Model):
    """How a restaurant's background work does, for the platform's staff, who cannot read its own tables."""

    restaurant = models.OneToOneField(Restaurant, on_delete=models.CASCADE, primary_key=True, related_name="health")
    last_import_at = models.DateTimeField(null=True, blank=True)
    last_forecast_at = models.DateTimeField(null=True, blank=True)
    last_suggestion_at = models.DateTimeField(null=True, blank=True)
    last_failure_at = models.DateTimeField(null=True, blank=True)
    last_failure = models.CharField(max_length=200, blank=True, help_text="Which task, and the kind of error.")

    class Meta:
        verbose_name_plural = "sync health"

    def __str__(self) -> str:
        return f"health of {self.restaurant}"


class FailedTask(models.Model):
    """A restaurant's task, or a step of one, that ended in an error which nobody foresaw."""

    restaurant = models.ForeignKey(Restaurant, on_delete=models.CASCADE, related_name="failed_tasks")
    task = models.CharField(max_length=120)
    ids = models.JSONField(default=dict, blank=True, help_text="What it was about, as the task was told.")
    error = models.CharField(max_length=120, help_text="The error's class.")
    message = models.CharField(max_length=200, blank=True, help_text="Its first line.")
    at = models.DateTimeField(default=now, editable=False)
    acknowledged_at = models.DateTimeField(null=True, blank=True, editable=False)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    class Meta:
        ordering = ["-at"]
        indexes = [
            models.Index(fields=["-at"], name="tenants_failedtask_newest"),
            models.Index(fields=["restaurant", "-at"], name="tenants_failedtask_of_one"),
        ]

    def __str__(self) -> str:
        return f"{self.task}: {self.error}"


class UnfinishedMigration(models.Model):
    """A migration that has not gone through in one schema: it failed there, or was cut short between two operations.

    The migrator tries again in its next run, goes on where it stopped, and removes the row when the schema is through.
    """

    schema_name = models.CharField(max_length=63)
    migration = models.TextField(help_text="One, or those of one step: menu.0007_allergens.")
    operations_done = models.PositiveSmallIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    failed_at = models.DateTimeField(blank=True, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["schema_name"], name="tenants_unfinishedmigration_once"),
        ]

    def __str__(self) -> str:
        return f"{self.migration} in {self.schema_name}"


class SchemaQuerySet(models.QuerySet["Schema"]):
    """Named reads."""

    def spare(self, version: str) -> "SchemaQuerySet":
        """Those that a restaurant of this version may take, oldest first."""
        return self.filter(restaurant=None, version=version).order_by("created_at")


class Schema(models.Model):
    """A restaurant's schema in the database, and the role of the same name; without a restaurant it is a spare."""

    name = models.CharField(max_length=63, primary_key=True, editable=False)
    version = models.CharField(max_length=16, help_text="Which migrations it had when it was made: see the template.")
    restaurant = models.OneToOneField(
        Restaurant, on_delete=models.CASCADE, null=True, blank=True, related_name="schema", editable=False
    )
    created_at = models.DateTimeField(default=now, editable=False)
    taken_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = SchemaQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="tenants_schema_is_taken_at_a_time",
                condition=models.Q(restaurant=None, taken_at=None)
                | models.Q(restaurant__isnull=False, taken_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Erasure(models.Model):
    """A restaurant that is being erased, and afterwards all that is kept of it: its id, when, and by whom."""

    restaurant_id = models.UUIDField(primary_key=True, editable=False)
    schema_name = models.CharField(
        max_length=63, blank=True, editable=False, help_text="Until everything in it is gone."
    )
    by = models.CharField(max_length=160, editable=False)
    asked_at = models.DateTimeField(default=now, editable=False)
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.CheckConstraint(
                name="tenants_erasure_keeps_no_name_at_the_end",
                condition=models.Q(erased_at=None) | models.Q(schema_name=""),
            ),
        ]

    def __str__(self) -> str:
        return f"erasure of {self.restaurant_id}"
