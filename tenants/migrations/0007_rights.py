from django.db import migrations

from tenants.db.operations import RestaurantsMay

MEMBERS = "EXISTS (SELECT FROM tenants_membership m WHERE m.user_id = tenants_user.id)"
MINE = "restaurant_id IN (SELECT id FROM tenants_restaurant WHERE schema_name = current_user)"


class Migration(migrations.Migration):
    """What a restaurant's request may see of `public`: its own row, hosts and memberships, and its members.

    A subquery in a policy runs under the policies of its own tables: what it finds is the restaurant's own.
    """

    dependencies = [("tenants", "0006_unfinished_migrations")]

    operations = [
        RestaurantsMay("tenants_restaurant", "SELECT", using="schema_name = current_user"),
        RestaurantsMay("tenants_domain", "SELECT", using="tenant_id IN (SELECT id FROM tenants_restaurant)"),
        RestaurantsMay("tenants_membership", "SELECT, INSERT, UPDATE, DELETE", using=MINE),
        RestaurantsMay("tenants_invitation", "SELECT, INSERT, UPDATE, DELETE", using=MINE),
        RestaurantsMay("tenants_tablet", "SELECT, INSERT, UPDATE, DELETE", using=MINE),
        RestaurantsMay("tenants_apikey", "SELECT, INSERT, UPDATE, DELETE", using=MINE),
        RestaurantsMay("tenants_user", "SELECT, UPDATE (last_login)", using=MEMBERS),
        RestaurantsMay("tenants_user_groups", "SELECT", using="user_id IN (SELECT id FROM tenants_user)"),
        RestaurantsMay("tenants_user_user_permissions", "SELECT", using="user_id IN (SELECT id FROM tenants_user)"),
        # The names of the staff admin's permissions are nobody's secret.
        RestaurantsMay("auth_permission", "SELECT", using="true"),
        RestaurantsMay("auth_group", "SELECT", using="true"),
        RestaurantsMay("auth_group_permissions", "SELECT", using="true"),
        RestaurantsMay("django_content_type", "SELECT", using="true"),
    ]
