from django.db import migrations


class Migration(migrations.Migration):
    """A restaurant's own role looks keys up and makes none: the verbs write them as the platform."""

    dependencies = [("tenants", "0010_restaurant_closed_at")]

    operations = [
        migrations.RunSQL(
            "REVOKE INSERT, UPDATE, DELETE ON tenants_apikey FROM flux_restaurant",
            "GRANT INSERT, UPDATE, DELETE ON tenants_apikey TO flux_restaurant",
        )
    ]
