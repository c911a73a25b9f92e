"""Drop an index that another one makes superfluous: the unique constraint's begins with the same column."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("procurement", "0003_ledger_is_append_only"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    'DROP INDEX IF EXISTS "procurement_purchaseorderline_order_id_d5001518"',
                    reverse_sql='CREATE INDEX "procurement_purchaseorderline_order_id_d5001518" ON "procurement_purchaseorderline" ("order_id")',
                ),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name="purchaseorderline",
                    name="order",
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="lines", to="procurement.purchaseorder"),
                ),
            ],
        ),
    ]
