"""Everything that a restaurant has leaves as a zip and comes back, row for row; what is wrong with a zip is said."""

import base64
import csv
import datetime as dt
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from conftest import as_owner, role_of, signed_in
from flux.tests import filling
from menu.models import Ingredient, MenuItem
from pos.models import SalesFile
from tenants import archives, restoring
from tenants.context import current_restaurant, public_context, restaurant_context
from tenants.models import Domain, Invitation, Membership, Restaurant, User
from tenants.office.models import AuditEntry, Closure, Job

NOW = dt.datetime(2026, 11, 23, 9, 30, tzinfo=dt.UTC)
EXPORTED = {model for model, _, _ in archives.PLATFORM.values()}


@pytest.fixture
def filled(restaurant: Restaurant) -> Restaurant:
    """A restaurant with rows of every kind, and with values that are easily lost on the way."""
    filling.fill(restaurant, "Zwiebel", first_id=4100)
    MenuItem.objects.create(name="Crème «brûlée», “2”\n;\\.\t🍮", category="", price=Decimal("0.0001"))
    Ingredient.objects.create(name="=1+1", base_unit="each", grams_per_each=None)
    Job.objects.create(kind="import", status="failed", finished_at=NOW, result={"n": 1.10, "nul": None, "big": 2**70})
    SalesFile.objects.create(name="a,b\r\n", sha256="1", size_bytes=0, content=bytes(range(256)), status="failed")
    return restaurant


def zipped(restaurant: Restaurant) -> bytes:
    return b"".join(archives.write(restaurant, now=NOW))


def opened(content: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(content))


def rows(content: bytes, name: str) -> list[dict[str, Any]]:
    return json.loads(opened(content).read(f"{name}.json"))


def as_stored(restaurant: Restaurant) -> dict[str, list[str]]:
    """Every row of every table as the server writes it."""
    found = {}
    with restaurant_context(restaurant), connection.cursor() as cursor:
        for table in archives.own_tables(restaurant):
            cursor.execute(f'SELECT one::text FROM "{table.name}" AS one ORDER BY 1')  # noqa: S608 a table of ours
            found[table.name] = [row for (row,) in cursor.fetchall()]
    return found


def changed(content: bytes, name: str, change: Callable[[bytes], bytes], *, hide: bool = False) -> bytes:
    """The zip with one file changed; `hide` puts the new checksum into the manifest."""
    out, old = io.BytesIO(), opened(content)
    files = {entry: old.read(entry) for entry in old.namelist()}
    files[name] = change(files.get(name, b""))
    if hide:
        manifest = json.loads(files["manifest.json"])
        manifest["files"][name] |= {"sha256": hashlib.sha256(files[name]).hexdigest()}
        files["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(out, "w") as new:
        for entry, text in files.items():
            new.writestr(entry, text)
    return out.getvalue()


def test_what_comes_back_is_equal_row_for_row(filled: Restaurant) -> None:
    before, plain = filling.snapshot(filled), as_stored(filled)
    assert all(before.values())  # there is a row of every model to lose
    with as_owner():
        back = restoring.restore(io.BytesIO(zipped(filled)), slug="bistro-again").restaurant
    assert (back.pk != filled.pk, back.schema_name != filled.schema_name, back.name) == (True, True, "Bistro")
    assert (back.timezone, back.currency, back.country) == ("Europe/Paris", "EUR", "FR")
    assert filling.snapshot(back) == before
    assert as_stored(back) == plain


def test_new_rows_get_numbers_after_those_that_came_back(filled: Restaurant) -> None:
    with as_owner():
        back = restoring.restore(io.BytesIO(zipped(filled)), slug="bistro-again").restaurant
    with restaurant_context(back):
        highest = Closure.objects.latest("pk").pk
        assert Closure.objects.create(on=dt.date(2031, 1, 1)).pk == highest + 1


def test_the_files_are_exact(filled: Restaurant) -> None:
    content = zipped(filled)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
    by_name = {row["name"]: row for row in rows(content, "tables/menu_menuitem")}
    assert by_name["Crème «brûlée», “2”\n;\\.\t🍮"]["price"] == "0.0001"
    assert {row["name"]: row["grams_per_each"] for row in rows(content, "tables/menu_ingredient")}["=1+1"] is None
    jobs = [json.loads(row["result"]) for row in rows(content, "tables/office_job")]
    assert {"n": 1.1, "nul": None, "big": 2**70} in jobs
    files = {row["name"]: base64.b64decode(row["content"]) for row in rows(content, "tables/pos_salesfile")}
    assert files["a,b\r\n"] == bytes(range(256))
    assert all(row["created_at"].endswith("+00:00") for row in rows(content, "tables/menu_menuitem"))
    supplier = rows(content, "tables/procurement_supplier")[0]
    assert supplier["delivery_weekdays"] == [0, 1, 2, 3, 4, 5, 6]


def test_a_sheet_tells_a_missing_value_from_an_empty_one(filled: Restaurant) -> None:
    sheet = opened(zipped(filled)).read("tables/menu_menuitem.csv").decode()
    assert [row["name"] for row in csv.DictReader(io.StringIO(sheet, newline=""))] == list(
        MenuItem.objects.order_by("pk").values_list("name", flat=True)
    )
    assert ',"",0.0001,' in sheet  # an empty category
    nothing = next(
        row
        for row in csv.reader(io.StringIO(opened(zipped(filled)).read("tables/menu_ingredient.csv").decode()))
        if "=1+1" in row
    )
    assert nothing[3:6] == ["", "", ""]


def test_it_says_what_the_platform_keeps_and_no_secret(filled: Restaurant, manager: User) -> None:
    content = zipped(filled)
    assert [(row["email"], row["role"]) for row in rows(content, "platform/members")] == [(manager.email, "manager")]
    assert rows(content, "platform/hosts") == [{"domain": "bistro.flux.localhost", "is_primary": True}]
    assert rows(content, "platform/restaurant")[0]["slug"] == "bistro"
    everything = b"".join(opened(content).read(name) for name in opened(content).namelist())
    assert manager.password.encode() not in everything
    assert filled.schema_name.encode() not in everything


def test_whatever_belongs_to_a_restaurant_in_public_is_exported_or_left_out_on_purpose() -> None:
    """A new table of the platform that points to restaurants has to be given its place here."""
    left_out = {"Schema": "where it is kept", "Health": "about its jobs, for staff", "FailedTask": "likewise"}
    platform = apps.get_app_config("tenants").get_models()
    pointing = {
        model
        for model in platform
        if any(field.related_model is Restaurant for field in model._meta.fields if field.is_relation)
    }
    assert {model.__name__ for model in pointing - EXPORTED} == set(left_out) & {m.__name__ for m in pointing}


def test_every_fact_of_the_platform_is_exported_or_left_out_on_purpose() -> None:
    left_out = {
        "Restaurant": {"schema_name"},
        "Domain": {"id", "tenant"},
        "Membership": {"id", "user", "restaurant", "granted_by", "pin", "last_seen_at"},
        "Invitation": {"id", "restaurant", "secret_hash", "invited_by", "emailed_at", "accepted_by"},
        "Tablet": {"id", "restaurant", "enrolled_by"},
        "ApiKey": {"id", "restaurant", "sha256", "created_by", "replaced_by"},
    }
    for model, _, exported in archives.PLATFORM.values():
        missing = {field.name for field in model._meta.concrete_fields} - set(exported)
        assert (model.__name__, missing) == (model.__name__, left_out[model.__name__])


def test_nothing_of_another_restaurant_is_in_it(filled: Restaurant, other_restaurant: Restaurant) -> None:
    filling.fill(other_restaurant, "Trattoriamarke", first_id=8100)
    content = opened(zipped(filled))
    assert not [name for name in content.namelist() if b"Trattoriamarke" in content.read(name)]


def test_it_is_made_in_pieces_and_leaves_the_restaurant_chosen(
    filled: Restaurant, other_restaurant: Restaurant
) -> None:
    noise = [b"".join(hashlib.sha256(f"{row}.{n}".encode()).digest() for n in range(3_000)) for row in range(10)]
    SalesFile.objects.bulk_create(
        SalesFile(name="large", sha256=str(row), size_bytes=len(content), content=content, status="failed")
        for row, content in enumerate(noise)
    )
    with restaurant_context(other_restaurant):
        sizes = []
        for piece in archives.write(filled, now=NOW):
            sizes.append(len(piece))
            assert current_restaurant() == other_restaurant
    assert len(sizes) > 5
    assert sum(map(len, noise)) < sum(sizes)


def test_it_shows_one_moment(committed: list[Restaurant], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "PIECE_BYTES", 1)
    bistro = committed[0]

    def close_a_day() -> None:
        with restaurant_context(bistro):
            Closure.objects.create(on=dt.date(2031, 1, 1))
        connection.close()

    pieces = archives.write(bistro, now=NOW)
    try:
        begun = next(pieces)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(close_a_day).result()
        assert rows(begun + b"".join(pieces), "tables/office_closure") == []
        assert len(rows(zipped(bistro), "tables/office_closure")) == 1
    finally:
        with restaurant_context(bistro):
            Closure.objects.all().delete()


class TestPage:
    def test_an_owner_takes_everything_and_the_trail_says_so(
        self, filled: Restaurant, member: Callable[..., User]
    ) -> None:
        ada = member(filled, Membership.Role.OWNER)
        client = signed_in(ada, filled)
        assert "Download everything" in client.get("/settings/data/").content.decode()
        answer = client.post("/settings/data/export/")
        assert answer["Content-Type"] == "application/zip"
        assert re.fullmatch(r'attachment; filename="bistro-\d{4}-\d\d-\d\d\.zip"', answer["Content-Disposition"])
        entries = rows(answer.getvalue(), "tables/office_auditentry")
        assert ("restaurant.exported", "Owner") in [(row["verb"], row["actor"]) for row in entries]

    def test_a_manager_may_not(self, portal: Client) -> None:
        assert 'href="/settings/data/"' not in portal.get("/settings/").content.decode()
        assert portal.post("/settings/data/export/").status_code == 403
        assert AuditEntry.objects.count() == 0


@pytest.mark.parametrize(
    ("name", "change", "hide", "said"),
    [
        ("tables/menu_menuitem.json", lambda old: old.replace(b"soup", b"soap"), False, "its checksum differs"),
        ("tables/menu_menuitem.csv", lambda old: old + b"x", False, "its checksum differs"),
        ("platform/restaurant.json", lambda old: old.replace(b"EUR", b"USD"), False, "its checksum differs"),
        ("tables/more.json", lambda _: b"[]", False, "does not hold the files that its manifest names"),
        ("manifest.json", lambda _: b"{", False, "Its manifest.json cannot be read."),
        ("manifest.json", lambda _: b"[]", False, "Its manifest.json cannot be read."),
        ("tables/menu_menuitem.json", lambda _: b"[\n]\n", True, "Its table menu_menuitem cannot be read"),
        ("tables/menu_menuitem.json", lambda old: old.replace(b'"9.0000"', b'"nine"'), True, "Its table menu_menuitem"),
        ("tables/menu_menuitem.json", lambda old: old.replace(b'"name"', b'"nom"'), True, "Its table menu_menuitem"),
        ("tables/menu_menuitem.json", lambda old: old.replace(b"soup", b"\\u0000"), True, "Its table menu_menuitem"),
        ("tables/pos_salesfile.json", lambda old: old.replace(b'"content":"', b'"content":"#'), True, "pos_salesfile"),
        ("platform/restaurant.json", lambda _: b"[\n]\n", True, "does not say which restaurant it is of"),
        ("platform/restaurant.json", lambda old: old.replace(b'"slug"', b'"snail"'), True, "does not say which"),
        ("platform/restaurant.json", lambda _: b"[\n7\n]\n", True, "What it says about its restaurant cannot be read"),
    ],
)
def test_a_damaged_file_is_refused_and_leaves_nothing(
    filled: Restaurant, name: str, change: Callable[[bytes], bytes], hide: bool, said: str
) -> None:
    content = changed(zipped(filled), name, change, hide=hide)
    with as_owner(), pytest.raises(restoring.NoArchive, match=said):
        restoring.restore(io.BytesIO(content), slug="bistro-again")
    with public_context():
        assert list(Restaurant.objects.values_list("slug", flat=True)) == ["bistro", "trattoria"]


def test_a_row_that_points_nowhere_is_refused(filled: Restaurant) -> None:
    soup = str(MenuItem.objects.get(name="Zwiebel soup").pk).encode()
    content = changed(
        zipped(filled), "tables/menu_recipeline.json", lambda old: old.replace(soup, soup[:-4] + b"0000"), hide=True
    )
    with as_owner(), pytest.raises(restoring.NoArchive, match="What its rows refer to cannot be read"):
        restoring.restore(io.BytesIO(content), slug="bistro-again")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda old: old.replace(b'"format": 1', b'"format": 2'), "It has format 2; this Flux reads format 1."),
        (
            lambda old: old.replace(b"menu.0001_initial", b"menu.0009_later"),
            "it has menu.0009_later; this Flux has menu",
        ),
        (lambda old: old.replace(b'"grams_per_ml"', b'"grams_per_litre"'), "Its tables are not those of this Flux."),
    ],
)
def test_another_version_is_named(filled: Restaurant, change: Callable[[bytes], bytes], said: str) -> None:
    content = changed(zipped(filled), "manifest.json", change)
    with as_owner(), pytest.raises(restoring.OtherVersion, match=said):
        restoring.restore(io.BytesIO(content), slug="bistro-again")


DEEP = b"[" * 200_000
EVIL = rb'"name": "\u202eevil\u200b"'


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("manifest.json", lambda _: DEEP, "Its manifest.json cannot be read"),
        ("platform/restaurant.json", lambda _: DEEP, "What it says about its restaurant cannot be read"),
        ("tables/menu_menuitem.json", lambda _: DEEP, "Its table menu_menuitem cannot be read"),
        ("tables/menu_menuitem.json", lambda old: old + b" " * 5000, "a line is longer than 4,000 bytes"),
        (
            "platform/restaurant.json",
            lambda old: old + b"\n" * 9000,
            "What it says about its restaurant cannot be read",
        ),
        ("platform/restaurant.json", lambda old: old.replace(b'"EUR"', b"[]"), "does not say which restaurant"),
        ("platform/members.json", lambda _: b'[\n{"role":"manager"}\n]\n', "a member has no e-mail address"),
        ("platform/members.json", lambda old: old.replace(b'"manager"', b'"king"'), "has a role that there is not"),
        ("platform/members.json", lambda old: old.replace(b'"manager"', b'"%s"' % (b"k" * 500)), "has a role that"),
        ("platform/members.json", lambda old: old.replace(b'"manager"', b"{}"), "has a role that there is not"),
        ("platform/members.json", lambda old: old[:-3] + b",\n" + old[2:], "is a member twice"),
    ],
)
def test_a_file_that_was_made_to_do_harm_is_refused_in_words(
    filled: Restaurant,
    manager: User,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    change: Callable[[bytes], bytes],
    said: str,
) -> None:
    monkeypatch.setattr(restoring, "MOST_LINE_BYTES", 4000)
    monkeypatch.setattr(restoring, "MOST_PLATFORM_BYTES", 8000)
    content = changed(zipped(filled), name, change, hide=name != "manifest.json")
    with as_owner(), pytest.raises(restoring.NoArchive, match=said):
        restoring.restore(io.BytesIO(content), slug="bistro-again", with_members=True)
    with public_context():
        assert list(Restaurant.objects.values_list("slug", flat=True)) == ["bistro", "trattoria"]


def test_a_small_zip_that_grows_large_is_refused_before_it_is_unpacked(
    filled: Restaurant, monkeypatch: pytest.MonkeyPatch
) -> None:
    flood = io.BytesIO()
    with zipfile.ZipFile(flood, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("platform/restaurant.json", b" " * 70 * 1024 * 1024)
    monkeypatch.setattr(zipfile.ZipFile, "open", None)
    with pytest.raises(restoring.NoArchive, match=r"It would grow from [0-9,]+ to 73,400,320 bytes"):
        restoring.restore(flood)


@pytest.mark.parametrize(
    ("at", "value", "said"),
    [
        (8, 1, "It is encrypted"),
        (8, 0x40, "This is no whole zip file: strong encryption"),
        (8, 0x20, "This is no whole zip file: compressed patched data"),
        (10, 99, "It is compressed in a way that no export is"),
        (10, zipfile.ZIP_BZIP2, "It is compressed in a way that no export is"),
        (10, zipfile.ZIP_DEFLATED, "This is no whole zip file"),
        (6, 99, "This is no whole zip file: zip file version 9.9"),
    ],
)
def test_what_zipfile_cannot_read_is_refused_in_words(restaurant: Restaurant, at: int, value: int, said: str) -> None:
    """`at` is the place in the directory's entry: version needed 6, flags 8, compression 10."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("manifest.json", b"\xff" * 40)
    content = bytearray(made.getvalue())
    content[content.index(b"PK\x01\x02") + at] = value
    if at > 6:
        content[at - 2] = value  # the file's own header says the same
    with pytest.raises(restoring.NoArchive, match=said):
        restoring.restore(io.BytesIO(bytes(content)))


def test_a_name_with_hidden_characters_is_refused(filled: Restaurant) -> None:
    content = changed(
        zipped(filled), "platform/restaurant.json", lambda old: old.replace(b'"name": "Bistro"', EVIL), hide=True
    )
    with as_owner(), pytest.raises(ValidationError, match="characters that cannot be seen"):
        restoring.restore(io.BytesIO(content), slug="bistro-again")
    with as_owner():
        back = restoring.restore(io.BytesIO(content), slug="bistro-again", name="Bistro  Again").restaurant
    assert back.name == "Bistro Again"


@pytest.mark.parametrize("content", [b"", b"soup", b"PK\x03\x04"])
def test_what_is_no_zip_is_refused(restaurant: Restaurant, content: bytes) -> None:
    with pytest.raises(restoring.NoArchive, match="This is no whole zip file"):
        restoring.restore(io.BytesIO(content))


def test_a_zip_that_was_cut_off_is_refused(filled: Restaurant) -> None:
    with pytest.raises(restoring.NoArchive, match="This is no whole zip file"):
        restoring.restore(io.BytesIO(zipped(filled)[:-1000]))


class TestCommands:
    def run(self, *args: str, **options: Any) -> str:
        out = io.StringIO()
        with public_context(), as_owner():
            call_command(*args, stdout=out, **options)
        return out.getvalue()

    def test_out_and_in_again(self, filled: Restaurant, manager: User, tmp_path: Path) -> None:
        file = tmp_path / "bistro.zip"
        with public_context():
            gone = User.objects.create_user("gone@example.com")
            Membership.objects.create(user=gone, restaurant=filled, role="kitchen")
            ada = User.objects.create_user("ada@example.com")
        assert self.run("export_restaurant", "bistro", output=file).startswith(f"Bistro is in {file}: ")
        assert [found.name for found in tmp_path.iterdir()] == ["bistro.zip"]
        with public_context():
            gone.delete()
        said = self.run(
            "import_restaurant", str(file), slug="two", name="Bistro Two", with_members=True, owner=ada.email
        )
        count = sum(len(found) for found in filling.snapshot(filled).values())
        assert said.splitlines() == [
            f"Bistro Two is open at two.flux.localhost with {count:,} rows.",
            f"Members again: {manager.email}.",
            "Without an account here, to be invited: gone@example.com.",
        ]
        with public_context():
            assert role_of(manager, Restaurant.objects.get(slug="two")) == "manager"
            assert Domain.objects.filter(tenant__slug="two").count() == 1
            assert Invitation.objects.count() == 0
            two = Restaurant.objects.get(slug="two")
        with restaurant_context(two):
            added = AuditEntry.objects.filter(verb="person.added").order_by("pk")
            assert [(entry.actor, entry.subject_label, entry.after) for entry in added] == [
                ("Flux", str(manager), {"role": "manager"}),
                ("Flux", "ada@example.com", {"role": "owner"}),
            ]

    def test_a_slug_that_is_taken_is_told_and_leaves_nothing(self, filled: Restaurant, tmp_path: Path) -> None:
        file = tmp_path / "bistro.zip"
        self.run("export_restaurant", "bistro", output=file)
        with pytest.raises(CommandError, match="slug: “bistro” is taken"):
            self.run("import_restaurant", str(file))
        with pytest.raises(CommandError, match="Nobody has the e-mail nobody@"):
            self.run("import_restaurant", str(file), slug="two", owner="nobody@example.com")
        with public_context():
            assert Restaurant.objects.count() == 2

    def test_what_is_not_there_is_told(self, restaurant: Restaurant, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="There is no restaurant “nowhere”"):
            self.run("export_restaurant", "nowhere")
        with pytest.raises(CommandError, match="no-such"):
            self.run("import_restaurant", str(tmp_path / "no-such.zip"))
