"""What a manager enters about suppliers and what they sell, and what the kitchen counts."""

from decimal import Decimal
from typing import Any

from django import forms

from menu import recipes, tables, units
from menu.forms import UNIT_CHOICES
from menu.models import Ingredient
from menu.units import NoConversion
from procurement import wording
from procurement.models import Supplier, SupplierItem

WEEKDAYS = (
    (0, "Monday"),
    (1, "Tuesday"),
    (2, "Wednesday"),
    (3, "Thursday"),
    (4, "Friday"),
    (5, "Saturday"),
    (6, "Sunday"),
)
COUNT_UNITS = {"g": ("kg", "g"), "ml": ("l", "ml"), "each": ("each",)}


class SupplierForm(forms.ModelForm):
    """Who delivers, when, and until when to order."""

    delivery_weekdays = forms.TypedMultipleChoiceField(
        label="Delivers on",
        choices=WEEKDAYS,
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one day."},
    )

    class Meta:
        model = Supplier
        fields = ["name", "email", "delivery_weekdays", "lead_time_days", "cutoff", "minimum_order", "is_active"]
        labels = {
            "email": "E-mail for orders",
            "lead_time_days": "Lead time (days)",
            "cutoff": "Order until",
            "minimum_order": "Minimum order",
            "is_active": "We order here",
        }
        help_texts = {
            "email": "Without one you order by telephone and mark the order as sent.",
            "lead_time_days": "Days before the delivery on which the order must be placed. 1: the day before.",
            "cutoff": "Local time on that day.",
            "minimum_order": "Value of the smallest order it delivers, without tax.",
        }
        widgets = {"cutoff": forms.TimeInput(attrs={"type": "time"}, format="%H:%M")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _without_zeros(self)

    def clean_delivery_weekdays(self) -> list[int]:
        return sorted(self.cleaned_data["delivery_weekdays"])


class SupplierItemForm(forms.ModelForm):
    """A line of an order guide. Give it an instance with its supplier."""

    pack_unit = forms.ChoiceField(label="Unit", choices=UNIT_CHOICES, initial="kg")
    preferred = forms.BooleanField(
        label="Order this ingredient here",
        required=False,
        help_text="Where several suppliers sell it, one is preferred.",
    )

    class Meta:
        model = SupplierItem
        fields = ["ingredient", "name", "code", "pack_count", "pack_size", "pack_unit", "price", "is_active"]
        labels = {
            "name": "The supplier's name for it",
            "code": "Item code",
            "pack_count": "Pieces in a pack",
            "pack_size": "Size of a piece",
            "price": "Price of a pack",
            "is_active": "Can be ordered",
        }
        help_texts = {"pack_count": "6 × 1 l: six pieces of one litre.", "price": "Without tax."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["preferred"].initial = self.instance.is_preferred
        _without_zeros(self)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        ingredient, size, unit = (cleaned.get(name) for name in ("ingredient", "pack_size", "pack_unit"))
        if size is not None and size <= 0:
            self.add_error("pack_size", "This must be above 0.")
        if cleaned.get("pack_count") == 0:
            self.add_error("pack_count", "This must be above 0.")
        if ingredient and size and unit:
            try:
                units.convert(size, unit, ingredient.base_unit, of=recipes.substance(ingredient))
            except NoConversion as missing:
                self.add_error("pack_unit", f"{ingredient} is counted in {ingredient.base_unit}. {missing.question}")
        return cleaned


def _without_zeros(form: forms.ModelForm) -> None:
    """Amounts as a person would write them: 2.5 and not 2.5000."""
    for name, value in form.initial.items():
        if isinstance(value, Decimal):
            form.initial[name] = wording.plain(value)


class AmountField(forms.DecimalField):
    """An amount as people in a kitchen write it: 4.5 or 4,5."""

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        try:
            return super().to_python(tables.number(str(value)))
        except ValueError as wrong:
            raise forms.ValidationError(str(wrong)) from wrong


class CountForm(forms.Form):
    """What is on the shelf of one ingredient, in a unit that suits it."""

    quantity = AmountField(min_value=Decimal(0), max_digits=12, decimal_places=3)
    unit = forms.ChoiceField()

    def __init__(self, *args: Any, ingredient: Ingredient, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].choices = [(unit, unit) for unit in COUNT_UNITS[ingredient.base_unit]]  # type: ignore[attr-defined]
