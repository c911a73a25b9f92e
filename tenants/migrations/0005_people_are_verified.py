"""Everybody who is there so far was brought in by staff or a command: their addresses count as verified."""

from django.db import migrations

VERIFY = """
INSERT INTO account_emailaddress (user_id, email, verified, "primary")
SELECT id, lower(email), true, true FROM tenants_user
ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0004_invitation_emailed_at"),
        ("account", "0009_emailaddress_unique_primary_email"),
    ]
    operations = [migrations.RunSQL(VERIFY, migrations.RunSQL.noop)]
