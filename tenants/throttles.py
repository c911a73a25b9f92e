"""How often somebody may try to sign in, counted over all hosts and processes together."""

import hashlib
import ipaddress
from typing import Any

from django.core.cache import caches
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle


class WindowThrottle(SimpleRateThrottle):
    """So many attempts in each minute or hour of the clock.

    DRF's own counts in the restaurant's cache, so that each host would grant its own attempts, and reads before it
    writes, so that attempts at the same moment slip through; this one adds one on the server and looks at the sum.
    """

    duration: int  # seconds in a window
    num_requests: int  # attempts in it

    def allow_request(self, request: Request, view: Any) -> bool:
        return self.take(self.whom(request))

    def whom(self, request: Request) -> str:
        """Who is counted: the address, an IPv6 one by its network, since one connection has all of it."""
        address = self.get_ident(request)
        try:
            is_v6 = ipaddress.ip_address(address).version == 6
        except ValueError:
            return str(address)
        return str(ipaddress.ip_network(f"{address}/64", strict=False)) if is_v6 else str(address)

    def take(self, whom: str) -> bool:
        """Count one attempt of `whom`; whether it may go on."""
        self.key = self.counter(whom)
        caches["platform"].add(self.key, 0, self.duration)
        return int(caches["platform"].incr(self.key)) <= self.num_requests

    def is_spent(self, whom: str) -> bool:
        """Whether `whom` has no attempt left; counts none."""
        return int(caches["platform"].get(self.counter(whom)) or 0) >= self.num_requests

    def counter(self, whom: str) -> str:
        """Where the attempts of `whom` in this window are counted."""
        window = int(self.timer()) // self.duration
        return f"throttle:{self.scope}:{window}:{hashlib.sha256(whom.encode()).hexdigest()}"

    def give_back(self) -> None:
        """Forget the attempt counted by `take`: it was the right person."""
        caches["platform"].decr(self.key)

    def wait(self) -> float:
        """Seconds until the next window."""
        return float(self.duration - self.timer() % self.duration)


class PerAddress(WindowThrottle):
    """Attempts from one network address, right or wrong."""

    scope = "login_address"


class PerAccount(WindowThrottle):
    """Failed attempts with one e-mail address, wherever they come from, and whether or not it is known."""

    scope = "login_account"


class WrongKeys(WindowThrottle):
    """Integrators' keys that open nothing, from one network address; right ones are not counted."""

    scope = "key_address"


class Invitations(WindowThrottle):
    """E-mails with an invitation that one person sends, from all of their restaurants together."""

    scope = "invitations"
    rate = "50/day"


class PinsOfPerson(WindowThrottle):
    """Wrong PINs of one member, on whatever tablet."""

    scope = "pin_person"
    rate = "10/hour"


class PinsOfPersonInADay(WindowThrottle):
    """Likewise: so many an hour would try every PIN of four digits within weeks."""

    scope = "pin_person_day"
    rate = "30/day"


class PinsOnTablet(WindowThrottle):
    """Wrong PINs on one tablet, whosoever they are meant to be."""

    scope = "pin_tablet"
    rate = "60/hour"
