"""Drop an index that another one makes superfluous: the unique constraint's begins with the same column."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("menu", "0001_initial"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    'DROP INDEX IF EXISTS "menu_recipeline_menu_item_id_76c09ec1"',
                    reverse_sql='CREATE INDEX "menu_recipeline_menu_item_id_76c09ec1" ON "menu_recipeline" ("menu_item_id")',
                ),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name="recipeline",
                    name="menu_item",
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="recipe_lines", to="menu.menuitem"),
                ),
            ],
        ),
    ]
