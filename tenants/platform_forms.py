"""Forms on the platform's host: about a person's own account, and for opening a restaurant."""

import struct
from typing import Any
from uuid import UUID

from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import password_validators_help_text_html
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

from tenants import naming, places
from tenants.keys import uuid7
from tenants.models import Restaurant, User

NAME_LENGTH = User._meta.get_field("name").max_length


def person_name() -> naming.NameField:
    """The field for a person's name."""
    return naming.NameField(
        label="Your name", max_length=NAME_LENGTH, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )


class SignUpName(forms.Form):
    """What Flux asks of a person who signs up, beside e-mail address and password."""

    name = person_name()
    field_order = ["name", "email", "password1"]

    def signup(self, request: HttpRequest, user: User) -> None:
        """django-allauth has saved the person: add the name."""
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])


class JoinByInvitation(forms.Form):
    """What a new person tells of themselves; the e-mail address is the invitation's."""

    name = person_name()
    password = forms.CharField(
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=password_validators_help_text_html,
    )


class ChangeName(forms.ModelForm):
    """The person's name, as others in their restaurants see it."""

    name = person_name()

    class Meta:
        model = User
        fields = ["name"]


class DeviceAnswer(forms.JSONField):
    """What a device said in a passkey ceremony; `shape` reads it, and whatever it cannot read is refused in words."""

    def __init__(self, shape: type[RegistrationResponse] | type[AuthenticationResponse]) -> None:
        super().__init__(widget=forms.HiddenInput)
        self.shape = shape

    def clean(self, value: Any) -> dict[str, Any]:
        answer: dict[str, Any] = super().clean(value)
        try:
            self.shape.from_dict(answer)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, struct.error) as error:
            raise ValidationError("The device's answer cannot be read. Try again.") from error
        return answer


def passkey_name() -> forms.CharField:
    """The field for what people call a passkey."""
    return forms.CharField(label="What you call it", max_length=60, help_text="Such as “My phone” or “Blue key”.")


class AddPasskey(webauthn.AddWebAuthnForm):
    """In our words, and able to sign in alone unless that is switched off."""

    name = passkey_name()
    credential = DeviceAnswer(RegistrationResponse)
    passwordless = forms.BooleanField(
        label="Sign in with it alone",
        initial=True,
        required=False,
        help_text="Without a password: the device asks for your finger, face or PIN. "
        "Without this, it is asked for after the password.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].required = False  # the device has made the passkey by then: it gets a name from us


class RenamePasskey(webauthn.EditWebAuthnForm):
    name = passkey_name()


class SignInByPasskey(webauthn.LoginWebAuthnForm):
    credential = DeviceAnswer(AuthenticationResponse)


class SecondStepByPasskey(webauthn.AuthenticateWebAuthnForm):
    credential = DeviceAnswer(AuthenticationResponse)


class ConfirmByPasskey(webauthn.ReauthenticateWebAuthnForm):
    credential = DeviceAnswer(AuthenticationResponse)


class ZoneSelect(forms.Select):
    """Each zone carries its country and its other names, by which the page's script finds the browser's own."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        country = zone_countries().get(str(value))
        if country:
            option["attrs"]["data-country"] = country
            option["attrs"]["data-names"] = " ".join([str(value), *places.other_names().get(str(value), [])])
        return option


def zone_countries() -> dict[str, str]:
    """The country of each time zone."""
    return {zone: country for country in places.countries() for zone in places.zones_of(country)}


def zone_choices() -> list[tuple[str, Any]]:
    """Every time zone under its country; first of all the country's usual one."""
    groups = [
        (name, [(zone, zone.partition("/")[2].replace("_", " ").replace("/", ", ")) for zone in places.zones_of(code)])
        for code, name in places.countries().items()
    ]
    return [("", "The usual one of the country"), *groups]


def country_choices() -> list[tuple[str, str]]:
    return [("", "Choose"), *places.countries().items()]


class OpenRestaurant(forms.Form):
    """A new restaurant: a name and a country; the rest follows from them where it is left out.

    The hidden key is the restaurant's own, so that a form which is sent twice opens one restaurant. It is signed for
    the person: nobody else's form, and no made-up key, passes.
    """

    key = forms.CharField(widget=forms.HiddenInput)
    name = naming.NameField(
        label="Name of the restaurant",
        max_length=Restaurant._meta.get_field("name").max_length,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    country = forms.ChoiceField(choices=country_choices, widget=forms.Select(attrs={"autocomplete": "country"}))
    timezone = forms.ChoiceField(
        label="Time zone", choices=zone_choices, required=False, widget=ZoneSelect(attrs={"data-time-zone": True})
    )
    slug = forms.CharField(
        label="Address",
        required=False,
        max_length=naming.SLUG_LENGTH,
        help_text="a–z, 0–9 and hyphens. Left empty, it is made from the name.",
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.initial.setdefault("key", self._signer().sign(str(uuid7())))

    def _signer(self) -> signing.Signer:
        return signing.Signer(salt=f"flux.opening:{self.user.pk}")

    def clean_key(self) -> UUID | None:
        """The restaurant's key; the field is hidden, so its error is the form's."""
        try:
            return UUID(self._signer().unsign(self.cleaned_data["key"]))
        except (signing.BadSignature, ValueError):
            self.add_error(None, "This form belongs to somebody else's sign-in. Open the page again.")
            return None

    def clean_slug(self) -> str:
        """What was typed, in small letters. The model says what a slug may be; here it gets a way out."""
        slug: str = self.cleaned_data["slug"].strip().lower().removesuffix(f".{settings.FLUX_DOMAIN}")
        if not slug:
            return ""
        field = Restaurant._meta.get_field("slug")
        try:
            field.run_validators(slug)
        except ValidationError as error:
            raise ValidationError([*error.messages, f"{naming.suggest(slug)} is free."]) from error
        return slug

    def clean(self) -> dict[str, Any]:
        """Fill in what was left out; a zone of another country would put sales on the wrong days."""
        cleaned: dict[str, Any] = super().clean() or {}
        country, zone = cleaned.get("country"), cleaned.get("timezone")
        if country and "timezone" in cleaned:
            self._settle_zone(cleaned, country, zone or places.usual_zone(country))
        if cleaned.get("name") and cleaned.get("slug") == "":
            cleaned["slug"] = naming.suggest(cleaned["name"])
        return cleaned

    def _settle_zone(self, cleaned: dict[str, Any], country: str, zone: str | None) -> None:
        name = places.countries()[country]
        if zone is None:
            self.add_error("timezone", f"{name} has several time zones. Choose the one of the restaurant.")
        elif zone not in places.zones_of(country):
            self.add_error("timezone", f"This is no time zone of {name}.")
        else:
            cleaned["timezone"] = zone

    def restaurant(self) -> Restaurant:
        """What to open, under the form's key."""
        facts = self.cleaned_data
        return Restaurant(
            id=facts["key"],
            name=facts["name"],
            slug=facts["slug"],
            country=facts["country"],
            timezone=facts["timezone"],
            currency=places.currency_of(facts["country"]),
        )

    def refuse(self, error: ValidationError) -> None:
        """Show what `opening` found wrong, beside the field that it is about."""
        if not hasattr(error, "error_dict"):
            self.add_error(None, error)
            return
        for field, problems in error.message_dict.items():
            if field in {"slug", "domain"}:
                slug = self.cleaned_data.get("slug", "")
                self.add_error("slug", f"{naming.host_of(slug)} is taken. {naming.suggest(slug)} is free.")
            else:
                self.add_error(field if field in self.fields else None, " ".join(problems))
