from django.db import migrations

MAY = "last_seen_at, pin, role"


class Migration(migrations.Migration):
    """A restaurant's own role takes nobody in: who is a member is seen by it, with all that is known of the person.

    So it may neither add memberships nor turn one into another person's. Invitations are accepted by the platform.
    """

    dependencies = [("tenants", "0008_schemas_and_erasures")]

    operations = [
        migrations.RunSQL(
            [
                "REVOKE INSERT, UPDATE ON tenants_membership FROM flux_restaurant",
                f"GRANT UPDATE ({MAY}) ON tenants_membership TO flux_restaurant",
            ],
            [
                f"REVOKE UPDATE ({MAY}) ON tenants_membership FROM flux_restaurant",
                "GRANT INSERT, UPDATE ON tenants_membership TO flux_restaurant",
            ],
        )
    ]
