"""Every line names its request, restaurant and user (a worker's also its task: test_worker.py); none holds a secret."""

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.core import mail
from django.test import Client

from conftest import PASSWORD, signed_in
from flux.logs import logging_config
from tenants import tokens
from tenants.context import public_context
from tenants.models import Restaurant, User
from tenants.tasks import restaurant_task
from tenants.tests.browser import BISTRO, PLATFORM, Browser

pytestmark = pytest.mark.django_db


class Lines:
    """What has been logged since the test began, in one of the two formats."""

    def __init__(self, *, json: bool) -> None:
        formatter = logging_config(json=json, level="INFO")["formatters"]["lines"]
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                processors=formatter["processors"], foreign_pre_chain=formatter["foreign_pre_chain"]
            )
        )

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def of(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in lines if line["event"] == event]


@pytest.fixture
def lines(request: pytest.FixtureRequest) -> Iterator[Lines]:
    captured = Lines(json=getattr(request, "param", "json") == "json")
    root = logging.getLogger()
    root.addHandler(captured.handler)
    yield captured
    root.removeHandler(captured.handler)


def test_a_request_is_one_line_with_its_facts(lines: Lines, restaurant: Restaurant, manager: User) -> None:
    signed_in(manager, restaurant).get("/auth/sign-in/?next=/menu/?q=soup")
    [line] = lines.of("request_finished")
    assert line["request"] == "GET /auth/sign-in/"
    assert (line["code"], line["restaurant"], line["user_id"]) == (302, "bistro", str(manager.pk))
    assert (line["level"], len(line["request_id"])) == ("info", 36)
    assert {"timestamp", "logger"} < set(line)
    assert manager.email not in lines.text
    assert "soup" not in lines.text


def test_a_program_is_named_too(lines: Lines, restaurant: Restaurant, manager: User, api: Client) -> None:
    assert api.get("/api/v1/menu-items/").status_code == 200
    assert [line["user_id"] for line in lines.of("request_finished")] == [str(manager.pk)]


@restaurant_task()
def noticed(restaurant: Restaurant) -> None:
    structlog.get_logger("kitchen").info("noticed_ours")
    logging.getLogger("library").warning("noticed %s", "theirs")


def test_a_tasks_restaurant_is_named_on_its_lines_and_those_of_libraries(lines: Lines, restaurant: Restaurant) -> None:
    with public_context():
        noticed(restaurant_id=str(restaurant.pk))
    for event in ("noticed_ours", "noticed theirs"):
        [line] = lines.of(event)
        assert line["restaurant"] == "bistro"


@pytest.mark.parametrize("lines", ["json", "readable"], indirect=True)
def test_no_secret_of_the_way_in_is_logged(lines: Lines, restaurant: Restaurant, manager: User) -> None:
    visitor = Browser()
    asked = visitor.step(f"{BISTRO}/auth/sign-in/")
    visitor.sign_in(manager, "wrong-" + PASSWORD)
    visitor.sign_in(manager)
    platform = visitor.step(asked["Location"])
    link = platform["Location"]
    assert visitor.step(link).status_code in {302, 403}
    assert visitor.step(link).status_code == 403
    visitor.post(f"{PLATFORM}/accounts/password/reset/", email=manager.email)
    [reset] = re.findall(r"/password/reset/key/([^/\s]+)/", mail.outbox[-1].body)
    visitor.get(f"{PLATFORM}/accounts/password/reset/key/{reset}/")
    bearer = tokens.issue(manager, restaurant)
    Client(headers={"host": "bistro.flux.localhost", "authorization": f"Bearer {bearer}"}).get("/api/v1/menu-items/")
    assert "hand_over_refused" in lines.text
    secrets = [PASSWORD, reset, str(bearer), link.partition("token=")[2][:40], manager.email]
    secrets += [visitor.cookie(BISTRO), visitor.cookie(PLATFORM), visitor.cookie(PLATFORM, "csrf")]
    assert [secret for secret in secrets if secret and secret in lines.text] == []


@pytest.mark.parametrize("lines", ["json", "readable"], indirect=True)
def test_what_code_logs_by_mistake_is_hidden(lines: Lines) -> None:
    log = structlog.get_logger("careless")
    log.info("calling", password="hunter2", headers={"Authorization": "hunter2", "Accept": "text/html"})
    log.info("GET /enter/?token=hunter2&next=/menu/ with Bearer hunter2")
    log.info("dialling postgresql://flux:hunter2@db/flux")
    try:
        local_password = "hunter2"
        raise ValueError("Bearer hunter2" if local_password else "")
    except ValueError:
        log.exception("failed")
    assert "hunter2" not in lines.text
    assert {"calling", "/menu/", "text/html", "flux:…@db", "ValueError"} <= set(
        re.findall(r"calling|/menu/|text/html|flux:…@db|ValueError", lines.text.replace("\\u2026", "…"))
    )


@pytest.mark.parametrize("lines", ["readable"], indirect=True)
def test_the_demo_s_lines_are_for_people(lines: Lines, restaurant: Restaurant, manager: User) -> None:
    signed_in(manager, restaurant).get("/auth/sign-in/")
    [line] = [line for line in lines.text.splitlines() if "request_finished" in line]
    assert "[info" in line
    for part in ("code=302", "request='GET /auth/sign-in/'", "restaurant=bistro", f"user_id={manager.pk}"):
        assert part in line
