from django.db import migrations

from tenants.db.operations import AppendOnly


class Migration(migrations.Migration):
    """What was counted, received and wasted is corrected by another movement, never by changing the first."""

    dependencies = [("procurement", "0002_suggestion")]

    operations = [AppendOnly("stockmovement")]
