"""Staff admin for restaurants, hosts, people, and how restaurants' background work does (on the platform's host).

Nothing here lets staff into a restaurant by a side door: memberships are looked at and not written (but for the first
owner of a new restaurant), the password and the address of somebody who works in one are theirs, and keys and
invitations show no secret. Who has to look inside asks for support access, which the owners see.
"""

from tenants.admin import people, restaurants, work

__all__ = ["people", "restaurants", "work"]
