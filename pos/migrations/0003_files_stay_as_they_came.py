from django.db import migrations

from tenants.db.operations import OnlyChanging


class Migration(migrations.Migration):
    """A file is kept as it came; what was made of it is noted beside it. Old ones are pruned by the owner."""

    dependencies = [("pos", "0002_plural_of_daily_sales")]

    operations = [
        OnlyChanging(
            "salesfile", "connection_id", "status", "reading", "report", "rejects", "error", "imported_at"
        )
    ]
