"""Who works where, who is invited to, and what lets tablets and programs in."""

import datetime as dt

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils.timezone import now

from tenants.keys import uuid7
from tenants.models.people import User
from tenants.models.restaurants import Restaurant

SOON = dt.timedelta(days=14)  # a key that ends within it is marked, so that somebody replaces it in time


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
