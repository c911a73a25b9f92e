"""What a restaurant buys from whom: suppliers and the items of their order guides."""

from django.db import transaction

from procurement.models import SupplierItem


@transaction.atomic
def save_item(item: SupplierItem, *, preferred: bool) -> SupplierItem:
    """Save an item; a preferred one takes that place from another supplier's item of the same ingredient."""
    others = SupplierItem.objects.filter(ingredient=item.ingredient, is_preferred=True).exclude(pk=item.pk)
    if preferred and item.is_active:
        others.update(is_preferred=False)
    item.is_preferred = preferred
    item.save()
    return item
