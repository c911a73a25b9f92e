"""Parts of the day in the settings."""

from django.test import Client

from tenants.models import Restaurant
from tenants.office import dayparts
from tenants.office.models import AuditEntry

PAGE = "/settings/parts-of-the-day/"
TWO = {"name-0": "Lunch", "begins-0": "11:00", "name-2": "Dinner", "begins-2": "17:30"}


def text(answer: object) -> str:
    return " ".join(answer.content.decode().split())  # type: ignore[attr-defined]


def test_a_proposal_is_shown_until_parts_are_saved(portal: Client, restaurant: Restaurant) -> None:
    assert "These are a proposal" in text(portal.get(PAGE))
    assert dayparts.parts(5) == []
    page = text(portal.post(PAGE, TWO, follow=True))
    assert "The parts of the day are saved." in page
    assert "These are a proposal" not in page
    assert [part.name for part in dayparts.parts(5)] == ["Lunch", "Dinner"]
    assert AuditEntry.objects.get().verb == "dayparts.changed"


def test_what_is_wrong_is_said_at_its_place(portal: Client, restaurant: Restaurant) -> None:
    for wrong, said in [
        ({"name-1": "Lunch"}, "Say when Lunch begins."),
        ({"begins-1": "12:00"}, "Give this part a name."),
        ({"name-1": "LUNCH", "begins-1": "12:00"}, "Two parts have the same name."),
        ({"begins-0": "25:00"}, "Enter a valid time."),
    ]:
        answer = portal.post(PAGE, TWO | wrong)
        assert (answer.status_code, said in text(answer)) == (422, True)
    assert dayparts.parts(5) == []


def test_all_parts_can_be_taken_away(portal: Client, restaurant: Restaurant) -> None:
    portal.post(PAGE, TWO)
    assert portal.post(PAGE, {}).status_code == 302
    assert dayparts.parts(5) == []
