"""People: who works here in which role, and who has been invited. For owners; and everybody's own page."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from tenants import accounts, invitations, people, pins, support
from tenants.access import OWNERS, allow
from tenants.actors import asking
from tenants.context import current_restaurant, public_context
from tenants.middleware import platform_url
from tenants.models import Invitation, Membership, User

MAY = {
    "owner": "Everything: also people, keys and closing the restaurant",
    "manager": "Everything but people, keys and closing the restaurant",
    "kitchen": "Count, receive, see forecasts and recipes; no prices, costs or totals",
}
ROLES = [(role, f"{role.label}: {MAY[role]}") for role in Membership.Role]


class InvitationForm(forms.Form):
    """Whom to invite, and as what."""

    email = forms.EmailField(label="E-mail", max_length=254)
    role = forms.ChoiceField(choices=ROLES, widget=forms.RadioSelect, initial=Membership.Role.KITCHEN)


class RoleForm(forms.Form):
    """What a member may do."""

    role = forms.ChoiceField(choices=ROLES, widget=forms.RadioSelect, label="What they may do")


class PinForm(forms.Form):
    """A PIN, seen while it is typed: it is chosen on somebody's own device."""

    pin = forms.CharField(
        label="PIN",
        max_length=pins.LONGEST,
        help_text="Four to six digits.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "pattern": "[0-9]{4,6}"}),
    )

    def clean_pin(self) -> str:
        pin: str = self.cleaned_data["pin"]
        try:
            pins.check_fit(pin)
        except pins.PinUnfit as unfit:
            raise forms.ValidationError(str(unfit)) from unfit
        return pin


# ---- the list, and invitations


@allow(OWNERS, by_pin=False)
@require_safe
def people_list(request: HttpRequest) -> HttpResponse:
    """Members, open invitations, and the form for a new one."""
    return _show_list(request, InvitationForm())


@allow(OWNERS, by_pin=False)
@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    """Invite somebody by e-mail."""
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _show_list(request, form, status=422)
    given = form.cleaned_data
    try:
        made = invitations.invite(
            current_restaurant(),
            given["email"],
            given["role"],
            by=_who(request),
            at=timezone.now(),
            link_to=_link_to(request),
        )
    except invitations.InvitationError as refused:
        form.add_error("email", str(refused))
        return _show_list(request, form, status=422)
    return _sent(request, made)


@allow(OWNERS, by_pin=False)
@require_POST
def invitation_resend(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """Send the e-mail again, with a new link."""
    _invitation(invitation_id)
    try:
        again = invitations.resend(
            invitation_id, current_restaurant(), by=_who(request), at=timezone.now(), link_to=_link_to(request)
        )
    except invitations.InvitationError as refused:
        messages.error(request, str(refused))
        return redirect("pages:people")
    return _sent(request, again)


@allow(OWNERS, by_pin=False)
@require_POST
def invitation_revoke(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """Make an invitation's link useless."""
    _invitation(invitation_id)
    try:
        revoked = invitations.revoke(invitation_id, current_restaurant(), by=_who(request), at=timezone.now())
    except invitations.NoOpenInvitation as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"The invitation to {revoked.email} is revoked.")
    return redirect("pages:people")


@allow(OWNERS, by_pin=False)
@require_POST
def support_end(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    """Send platform staff out: from their next click on they are strangers here."""
    try:
        ended = support.end(membership_id, current_restaurant(), by=asking(request), at=timezone.now())
    except support.SupportRefused as refused:
        raise Http404 from refused
    messages.success(request, f"{ended.user} has no access any more.")
    return redirect("pages:people")


def _show_list(request: HttpRequest, form: InvitationForm, status: int = 200) -> HttpResponse:
    restaurant, now = current_restaurant(), timezone.now()
    with public_context():
        members = list(Membership.objects.of_staff_of(restaurant))
        invited = list(restaurant.invitations.open().select_related("invited_by"))
    protected = people.with_second_factor(member.user_id for member in members)
    context = {
        "members": [(member, member.user_id in protected) for member in members],
        "support": support.current(restaurant, at=now),
        "invitations": [(invitation, invitation.expires_at <= now) for invitation in invited],
        "form": form,
        "now": now,
    }
    return render(request, "settings/people.html", context, status=status)


def _sent(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """Say whether the mail server took the e-mail, which leaves when the invitation is kept."""
    with public_context():
        invitation.refresh_from_db()
    if invitation.emailed_at:
        messages.success(request, f"An e-mail with the invitation is on its way to {invitation.email}.")
    else:
        messages.error(request, f"The e-mail to {invitation.email} could not be sent. Try again in a moment.")
    return redirect("pages:people")


def _link_to(request: HttpRequest) -> invitations.Link:
    return partial(accounts.invitation_link, request)


def _invitation(invitation_id: UUID) -> Invitation:
    restaurant = current_restaurant()
    with public_context():
        found: Invitation | None = restaurant.invitations.filter(pk=invitation_id).first()
    if found is None:
        raise Http404
    return found


# ---- one person


@allow(OWNERS, by_pin=False)
@require_safe
def person(request: HttpRequest, member_id: UUID) -> HttpResponse:
    """One member: role, PIN, and the end of the membership."""
    return _show_person(request, _member(member_id))


@allow(OWNERS, by_pin=False)
@require_POST
def person_role(request: HttpRequest, member_id: UUID) -> HttpResponse:
    """Give a member another role. Owners may take their own away, as long as another one is left."""
    member, form = _member(member_id), RoleForm(request.POST)
    if not form.is_valid():
        return _show_person(request, member, status=422, role_form=form)

    def change() -> str:
        people.change_role(
            member.pk, current_restaurant(), form.cleaned_data["role"], by=_who(request), at=timezone.now()
        )
        return f"{member.user} is now {Membership.Role(form.cleaned_data['role']).label.lower()}."

    mine = member.user_id == request.user.pk and form.cleaned_data["role"] != Membership.Role.OWNER
    return _step(request, change, "pages:today" if mine else "pages:people")


@allow(OWNERS, by_pin=False)
@require_POST
def person_pin(request: HttpRequest, member_id: UUID) -> HttpResponse:
    """Give a member a PIN to start with, or take it away."""
    member = _member(member_id)
    if "remove" in request.POST:
        return _step(request, lambda: _take_pin(request, member), "pages:person", member.pk)
    form = PinForm(request.POST)
    if not form.is_valid():
        return _show_person(request, member, status=422, pin_form=form)
    return _step(request, lambda: _give_pin(request, member, form), "pages:person", member.pk)


@allow(OWNERS, by_pin=False)
@require_POST
def person_remove(request: HttpRequest, member_id: UUID) -> HttpResponse:
    """End a membership: the person is out at the next click."""
    member = _member(member_id)

    def remove() -> str:
        people.remove(member.pk, current_restaurant(), by=_who(request), at=timezone.now())
        return f"{member.user} is no longer a member of {current_restaurant().name}."

    return _step(request, remove, "pages:people")


def _show_person(request: HttpRequest, member: Membership, status: int = 200, **wrong: Any) -> HttpResponse:
    """The page; `wrong` are forms that say what was wrong with them."""
    context = {
        "member": member,
        "is_me": member.user_id == request.user.pk,
        "has_second_factor": bool(people.with_second_factor([member.user_id])),
        "role_form": RoleForm(initial={"role": member.role}),
        "pin_form": PinForm(),
    }
    return render(request, "settings/person.html", context | wrong, status=status)


def _member(member_id: UUID) -> Membership:
    restaurant = current_restaurant()
    with public_context():
        found: Membership | None = Membership.objects.of_staff_of(restaurant).filter(pk=member_id).first()
    if found is None:
        raise Http404
    return found


# ---- oneself


@allow(by_pin=False)
@require_safe
def me(request: HttpRequest) -> HttpResponse:
    """One's own role and PIN, and the way out."""
    return _show_me(request, PinForm())


@allow(by_pin=False)
@require_POST
def my_pin(request: HttpRequest) -> HttpResponse:
    """Choose one's own PIN, or do without."""
    member = _own(request)
    if member is None:
        raise Http404
    if "remove" in request.POST:
        return _step(request, lambda: _take_pin(request, member), "pages:me")
    form = PinForm(request.POST)
    if not form.is_valid():
        return _show_me(request, form, status=422)
    return _step(request, lambda: _give_pin(request, member, form), "pages:me")


@allow(by_pin=False)
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """End one's own membership."""
    member, restaurant = _own(request), current_restaurant()
    if member is None or "leave" not in request.POST:
        return redirect("pages:me")
    try:
        people.remove(member.pk, restaurant, by=_who(request), at=timezone.now())
    except people.LastOwner as refused:
        messages.error(request, str(refused))
        return redirect("pages:me")
    logout(request)
    return HttpResponseRedirect(platform_url(request, "/?choose"))


def _show_me(request: HttpRequest, form: PinForm, status: int = 200) -> HttpResponse:
    member = _own(request)
    context = {"member": member, "pin_form": form, "may": MAY[request.role]}  # type: ignore[attr-defined]
    return render(request, "settings/me.html", context, status=status)


def _own(request: HttpRequest) -> Membership | None:
    """The membership of the person asking; None for support, who does not work here."""
    restaurant = current_restaurant()
    with public_context():
        own: Membership | None = Membership.objects.of_staff_of(restaurant).filter(user=_who(request)).first()
    return own


# ---- steps


def _give_pin(request: HttpRequest, member: Membership, form: PinForm) -> str:
    pins.choose(member.pk, current_restaurant(), form.cleaned_data["pin"], by=_who(request), at=timezone.now())
    return "The PIN is set. It works on the restaurant's own tablets."


def _take_pin(request: HttpRequest, member: Membership) -> str:
    pins.take_away(member.pk, current_restaurant(), by=_who(request), at=timezone.now())
    return "The PIN does not work any more."


def _step(request: HttpRequest, take: Callable[[], str], to: str, *args: Any) -> HttpResponse:
    """Take a step and say what came of it on the page that follows."""
    try:
        messages.success(request, take())
    except (people.LastOwner, people.NoMember) as refused:
        messages.error(request, str(refused))
        return redirect("pages:me" if to == "pages:me" else "pages:people")
    return redirect(to, *args)


def _who(request: HttpRequest) -> User:
    return request.user  # type: ignore[return-value]
