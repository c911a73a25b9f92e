"""The second step of signing in with a password, for programs: a code of the authenticator app, or a recovery code.

The same steps as on the platform's pages, by the same rows and the same memory of used codes. A passkey cannot be sent
along with a password: who has nothing else signs in with a recovery code, or lets programs work with a key.
"""

from dataclasses import dataclass
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import validate_totp_code
from allauth.mfa.utils import decrypt

from tenants.keys import uuid7

Type = Authenticator.Type


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """What one person has set up; looking costs the same whether or not a code is right, and uses nothing up."""

    rows: tuple[Authenticator, ...]

    @property
    def is_on(self) -> bool:
        """Whether a password alone is not enough. Recovery codes alone do not turn it on."""
        return any(row.type in {Type.TOTP, Type.WEBAUTHN} for row in self.rows)

    def matching(self, code: str) -> Authenticator | None:
        """What `code` belongs to, whether or not it has been used."""
        found = None
        for row in self.rows:
            if row.type == Type.TOTP and validate_totp_code(decrypt(row.data["secret"]), code):
                found = row
            if row.type == Type.RECOVERY_CODES and code in row.wrap().get_unused_codes():
                found = row
        return found


def of(user_id: UUID | None) -> SecondFactor:
    """What this person has set up. One query, also where there is nobody: an answer's time must not tell."""
    return SecondFactor(tuple(Authenticator.objects.filter(user_id=user_id or uuid7())))


def use_up(row: Authenticator, code: str) -> bool:
    """Use the code that `matching` found, once: of two who send it at the same moment, one is told False.

    To be called in the public context, where the platform's pages remember the codes that they have seen.
    """
    if not row.wrap().validate_code(code):
        return False
    row.record_usage()
    return True


def reset(user_id: UUID) -> int:
    """Remove all of a person's second steps and recovery codes, when they are lost; returns how many there were.

    The password alone signs in afterwards: only for staff who know who is asking.
    """
    _, removed = Authenticator.objects.filter(user_id=user_id).delete()
    return removed.get(Authenticator._meta.label, 0)
