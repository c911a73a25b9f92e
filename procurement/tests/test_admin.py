"""The support admin of a restaurant: it opens, and nothing is written there."""

import pytest

from procurement.tests.factories import CountFactory, LineFactory
from tenants.context import public_context

pytestmark = pytest.mark.usefixtures("restaurant")


@pytest.fixture
def staff_portal(portal, manager):
    """The manager's portal, for a manager who is platform staff with every right."""
    with public_context():
        manager.is_staff = manager.is_superuser = True
        manager.save()
    return portal


@pytest.mark.parametrize("model", ["supplier", "purchaseorder", "stockmovement"])
def test_lists_and_rows_open(staff_portal, model):
    line, count = LineFactory(), CountFactory()
    row = {"supplier": line.order.supplier, "purchaseorder": line.order, "stockmovement": count}[model]
    assert staff_portal.get(f"/admin/procurement/{model}/").status_code == 200
    assert staff_portal.get(f"/admin/procurement/{model}/{row.pk}/change/").status_code == 200


@pytest.mark.parametrize("model", ["supplier", "purchaseorder", "stockmovement"])
def test_nothing_is_written_there(staff_portal, model):
    line, count = LineFactory(), CountFactory()
    row = {"supplier": line.order.supplier, "purchaseorder": line.order, "stockmovement": count}[model]
    page = f"/admin/procurement/{model}/{row.pk}"
    assert staff_portal.get(f"/admin/procurement/{model}/add/").status_code == 403
    assert staff_portal.post(f"{page}/change/", {"name": "x"}).status_code == 403
    assert staff_portal.post(f"{page}/delete/", {"post": "yes"}).status_code == 403


def test_a_manager_who_is_no_staff_is_not_let_in(portal):
    assert portal.get("/admin/procurement/supplier/").status_code == 302
