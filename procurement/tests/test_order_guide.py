import datetime as dt
import io
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from menu.models import Ingredient
from menu.tests.factories import IngredientFactory
from procurement.models import Supplier, SupplierItem
from procurement.tests.factories import SupplierItemFactory

pytestmark = pytest.mark.usefixtures("restaurant")

GUIDE = """supplier,ingredient,item,code,pack,price,delivery days,lead time,cutoff,minimum,email,shelf life
Molino,Flour,Flour 00,F-00,1 x 25 kg,18.90,Tue Thu,1,16:00,150,orders@molino.example,
Molino,Eggs,Eggs M,,30 each,7.5,,,,,,14
Dairy,Milk,,M1,6 × 1 l,5.40,"mon, wed, fri",2,9:30,,,5
"""


@pytest.fixture
def load(tmp_path):
    def run(text, *options):
        path, out = tmp_path / "guide.csv", io.StringIO()
        path.write_text(text)
        call_command("import_order_guide", str(path), "--restaurant", "bistro", *options, stdout=out)
        return out.getvalue().strip()

    return run


def test_suppliers_and_items_come_from_a_file(load):
    assert load(GUIDE) == "Suppliers: 2 added, 0 changed. Items: 3 added, 0 changed. 3 new ingredients."
    molino = Supplier.objects.get(name="Molino")
    assert (molino.delivery_weekdays, molino.lead_time_days, molino.cutoff) == ([1, 3], 1, dt.time(16))
    assert (molino.minimum_order, molino.email) == (150, "orders@molino.example")
    items = SupplierItem.objects.order_by("ingredient__name").values_list(
        "ingredient__name", "name", "code", "pack_count", "pack_size", "pack_unit", "price"
    )
    assert list(items) == [
        ("Eggs", "Eggs M", "", 1, 30, "each", Decimal("7.5")),
        ("Flour", "Flour 00", "F-00", 1, 25, "kg", Decimal("18.9")),
        ("Milk", "Milk", "M1", 6, 1, "l", Decimal("5.4")),
    ]
    facts = Ingredient.objects.values_list("name", "base_unit", "shelf_life_days")
    assert list(facts) == [("Eggs", "each", 14), ("Flour", "g", None), ("Milk", "ml", 5)]


def test_the_same_file_twice_changes_nothing(load):
    load(GUIDE)
    assert load(GUIDE) == "Suppliers: 0 added, 0 changed. Items: 0 added, 0 changed. 0 new ingredients."


def test_a_new_price_changes_one_item(load):
    load(GUIDE)
    changed = load(GUIDE.replace("18.90", "19.90").replace("9:30", "10:00"))
    assert changed == "Suppliers: 0 added, 1 changed. Items: 0 added, 1 changed. 0 new ingredients."


def test_a_second_supplier_of_an_ingredient_is_preferred_only_where_the_file_says_so(load):
    first = SupplierItemFactory(ingredient=IngredientFactory(name="Flour"))
    load("supplier,ingredient,pack,price\nMolino,Flour,25 kg,18\n")
    first.refresh_from_db()
    assert first.is_preferred
    load("supplier,ingredient,pack,price,preferred\nMolino,Flour,25 kg,18,yes\n")
    first.refresh_from_db()
    assert not first.is_preferred


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (",Flour,25 kg,18,", "supplier “”: this is needed"),
        ("Molino,,25 kg,18,", "ingredient “”: this is needed"),
        ("Molino,Flour,25 bags,18,", "pack_unit “bags”: this is not a known unit"),
        ("Molino,Flour,0 kg,18,", "pack_size “0”: this must be above 0"),
        ("Molino,Flour,1.5 x 1 kg,18,", "pack_count “1.5”: this must be a whole number"),
        ("Molino,Flour,25 kg,-1,", "price “-1”: this must be at least 0"),
        ("Molino,Flour,25 kg,18,someday", "delivery_weekdays “someday”: write days such as Mon Thu"),
        (
            "Molino,Lemon,6 each,3,",
            "pack_unit “each”: Lemon: no way from each to g. How many grams does one Lemon weigh?",
        ),
        (
            "Dairy,Milk,1 l,1,Mon\nDairy,Cream,1 l,1,Tue",
            "delivery_weekdays “Tue”: an earlier line says otherwise of Dairy",
        ),
        ("Dairy,Milk,1 l,1,\nDairy,Milk,2 l,1,", "item “Milk”: twice: also in line 2"),
    ],
)  # fmt: skip
def test_a_fault_is_named_and_nothing_is_half_done(load, line, fault):
    IngredientFactory(name="Lemon")
    with pytest.raises(CommandError) as refused:
        load(f"supplier,ingredient,pack,price,delivers on\n{line}\nMolino,Salt,1 kg,1,\n")
    first = str(refused.value).splitlines()[1]
    assert first.partition(", ")[2] == fault
    assert (Supplier.objects.count(), Ingredient.objects.count()) == (0, 1)
