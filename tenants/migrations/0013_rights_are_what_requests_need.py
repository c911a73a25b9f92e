from django.db import migrations

OF_INVITATIONS = (
    "id, restaurant_id, email, role, invited_by_id, created_at, expires_at, emailed_at, accepted_at, accepted_by_id,"
    " revoked_at"
)  # all but the hash of the secret


class Migration(migrations.Migration):
    """A restaurant's own role reads who belongs to it, and writes down when they were last seen. No more.

    Roles, PINs, invitations and tablets are written by the verbs, as the platform.
    """

    dependencies = [("tenants", "0012_keys_by_name")]

    operations = [
        migrations.RunSQL(
            [
                "REVOKE DELETE, UPDATE (pin, role) ON tenants_membership FROM flux_restaurant",
                "REVOKE ALL ON tenants_invitation FROM flux_restaurant",
                f"GRANT SELECT ({OF_INVITATIONS}) ON tenants_invitation TO flux_restaurant",
                "REVOKE INSERT, UPDATE, DELETE ON tenants_tablet FROM flux_restaurant",
            ],
            [
                "GRANT INSERT, UPDATE, DELETE ON tenants_tablet TO flux_restaurant",
                "REVOKE ALL ON tenants_invitation FROM flux_restaurant",
                "GRANT SELECT, INSERT, UPDATE, DELETE ON tenants_invitation TO flux_restaurant",
                "GRANT DELETE, UPDATE (pin, role) ON tenants_membership TO flux_restaurant",
            ],
        )
    ]
