from django.db import migrations

from tenants.db.operations import AppendOnly


class Migration(migrations.Migration):
    """What somebody did stays written; what is too old is pruned by the owner."""

    dependencies = [("office", "0003_audit_entries")]

    operations = [AppendOnly("auditentry")]
