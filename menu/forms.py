"""What a manager may say about dishes and ingredients; units that do not convert are answered with a question."""

from decimal import Decimal
from typing import Any

from django import forms

from menu import recipes, units
from menu.models import Ingredient, MenuItem, RecipeLine

KINDS = (("mass", "Weight"), ("volume", "Volume"), ("count", "Pieces"))
BASE_UNITS = (("", "Choose one"), ("g", "grams"), ("ml", "millilitres"), ("each", "pieces"))
UNIT_CHOICES = [
    (label, [(unit.symbol, unit.symbol) for unit in units.UNITS.values() if unit.dimension == kind])
    for kind, label in KINDS
]


class MenuItemForm(forms.ModelForm):
    """A dish: its name is the till's, so that the next sales still find it."""

    class Meta:
        model = MenuItem
        fields = ["category", "price", "is_active"]
        help_texts = {"is_active": "Off the menu: no forecast, and nothing is ordered for it."}


class NewDishForm(MenuItemForm):
    """A dish before its first sale."""

    class Meta(MenuItemForm.Meta):
        fields = ["name", "category", "price"]
        help_texts = {"name": "As the till will call it: its first sales find it by that."}


class IngredientForm(forms.ModelForm):
    """An ingredient. Its base unit stays: stock and orders are counted in it."""

    class Meta:
        model = Ingredient
        fields = ["name", "base_unit", "grams_per_ml", "grams_per_each", "shelf_life_days"]
        labels = {
            "base_unit": "Counted in",
            "grams_per_ml": "1 ml weighs (g)",
            "grams_per_each": "1 piece weighs (g)",
            "shelf_life_days": "Shelf life (days)",
        }
        help_texts = {
            "base_unit": "Recipes and packs may use any unit that converts to this one.",
            "grams_per_ml": "Needed where a recipe measures by volume what is counted by weight, or the reverse.",
            "grams_per_each": "Needed where a recipe counts pieces of what is counted by weight, or the reverse.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["base_unit"].choices = BASE_UNITS  # type: ignore[attr-defined]
        if not self.instance._state.adding:
            self.fields["base_unit"].disabled = True
            self.fields["base_unit"].help_text = "Stays as it is: stock and orders are counted in it."


class RecipeLineForm(forms.ModelForm):
    """An amount of an ingredient in one portion. Give it an instance with its dish."""

    unit = forms.ChoiceField(choices=UNIT_CHOICES)
    yield_percent = forms.DecimalField(
        label="Usable share (%)",
        min_value=1,
        max_value=100,
        max_digits=5,
        decimal_places=2,
        initial=100,
        help_text="What is left after peeling and trimming: 85 where 85 % is usable.",
    )

    class Meta:
        model = RecipeLine
        fields = ["ingredient", "quantity", "unit"]
        labels = {"quantity": "Amount in one portion"}
        help_texts = {"quantity": "As served: after peeling and trimming."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["ingredient"].empty_label = "Choose one"  # type: ignore[attr-defined]
        self.fields["quantity"].widget.attrs.update(min="0", inputmode="decimal")
        if self.instance._state.adding:
            self.initial["unit"] = "g"
        else:
            self.initial["yield_percent"] = f"{(self.instance.yield_share * 100).normalize():f}"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("yield_percent"):
            self.instance.yield_share = cleaned["yield_percent"] / Decimal(100)
        if cleaned.get("ingredient") and cleaned.get("quantity") and cleaned.get("unit"):
            self._refuse_what_does_not_convert(cleaned["ingredient"], cleaned["quantity"], cleaned["unit"])
        return cleaned

    def _refuse_what_does_not_convert(self, ingredient: Ingredient, quantity: Decimal, unit: str) -> None:
        try:
            units.convert(quantity, unit, ingredient.base_unit, of=recipes.substance(ingredient))
        except units.NoConversion as missing:
            self.add_error("unit", f"{ingredient.name} is counted in {ingredient.base_unit}. {missing.question}")

    def _get_validation_exclusions(self) -> set[str]:
        """The dish is no field of the form, yet "once per ingredient" must be checked with it."""
        return super()._get_validation_exclusions() - {"menu_item"}  # type: ignore[misc]
