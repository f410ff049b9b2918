"""Pseudonyms of one organization and incident: tokens under its key, and no two values with one token.

Pure: what the vault holds is learned by whoever does I/O.
"""

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field

from safeconduct.boundary.tokens import (
    AS_FOLDED,
    LITERAL,
    VARIABLE,
    folded,
    identity,
    identity_of,
    prefix_of,
    spelling,
    subnet_identity,
)
from safeconduct.kernel.errors import UnavailableError

ATTEMPTS_MAX = 64
"""How often a token is made again that another value has. Of a million values none needs a third."""

NETWORK_ATTEMPTS_MAX = 32
"""Attempts within one network, of which 15 bits are its addresses'; then the token shows no network."""


@dataclass(slots=True)
class Known:
    """Which value each token of a space has, as far as this process knows: all of it is in the vault."""

    values: dict[str, str] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)

    def learn(self, pairs: Mapping[str, str]) -> None:
        """Notes tokens and values that the vault holds."""
        for token, value in pairs.items():
            self.values[token] = value
            self.identities.setdefault(identity_of(token), _same(token, value))

    def fits(self, token: str, value: str) -> bool:
        """Tells whether a token may be a value's: an identity is of one value, a token of one spelling of it."""
        same = _same(token, value)
        return self.identities.get(identity_of(token), same) == same and self.values.get(token, value) == value


def _same(token: str, value: str) -> str:
    return folded(token.partition("_")[0], value)


class Pseudonyms:
    """Gives values of one call their tokens. The same key, values and knowledge give the same tokens.

    `secret` returns what they are made of. It is asked when the first token is needed, so that a call in which nothing
    was found goes on where the vault's keys are gone; what it raises is raised there. `made` are the tokens that are
    known to be the organization's, whatever their space.
    """

    def __init__(
        self,
        secret: Callable[[], bytes],
        known: Known,
        *,
        keep_subnets: bool = False,
        made: Container[str] = frozenset(),
    ) -> None:
        self.made = made
        self._secret = secret
        self._asked = b""
        self._known = known
        self._subnets = keep_subnets
        self._given: dict[tuple[str, str], str] = {}
        self._identities: dict[str, str] = {}
        self.used: dict[str, str] = {}

    def of(self, data_class: str, value: str) -> str:
        """Returns the token of a value of a class.

        Raises:
            UnavailableError: `pseudonyms-exhausted`, `vault-unavailable`.
        """
        return self._token(prefix_of(data_class), value)

    def literal(self, text: str) -> str:
        """Returns the token of a text that has a token's form without being one: restored, it is itself again."""
        return self._token(LITERAL, text)

    def variable(self, text: str) -> str:
        """Returns the token of a text that a variable stands for (boundary/variables.py)."""
        return self._token(VARIABLE, text)

    @property
    def unkept(self) -> Mapping[str, str]:
        """The tokens that were given and are not known to be in the vault, with their values."""
        return {token: value for token, value in self.used.items() if token not in self._known.values}

    @property
    def _key(self) -> bytes:
        self._asked = self._asked or self._secret()
        return self._asked

    def _token(self, prefix: str, value: str) -> str:
        found = self._given.get((prefix, value))
        if found is None:
            same = folded(prefix, value)
            found = self._given[prefix, value] = self._free_spelling(self._free_identity(prefix, same), value, same)
            self.used[found] = value
        return found

    def _free_identity(self, prefix: str, same: str) -> str:
        for attempt in range(ATTEMPTS_MAX):
            made = self._maker(prefix, attempt)(self._key, prefix, same, attempt)
            if self._identities.get(made, same) == same == self._known.identities.get(made, same):
                self._identities[made] = same
                return made
        raise _exhausted(prefix)

    def _maker(self, prefix: str, attempt: int) -> Callable[[bytes, str, str, int], str]:
        shows = self._subnets and prefix == "IP" and attempt < NETWORK_ATTEMPTS_MAX
        return subnet_identity if shows else identity

    def _free_spelling(self, made: str, value: str, same: str) -> str:
        for ending in self._endings(made, value, same):
            held = self.used.get(made + ending, value), self._known.values.get(made + ending, value)
            if held == (value, value):
                return made + ending
        raise _exhausted(made.partition("_")[0])

    def _endings(self, made: str, value: str, same: str) -> Iterator[str]:
        if value == same:
            yield AS_FOLDED
            return
        prefix = made.partition("_")[0]
        for attempt in range(ATTEMPTS_MAX):
            ending = spelling(self._key, prefix, value, attempt)
            if ending != AS_FOLDED:
                yield ending


def _exhausted(prefix: str) -> UnavailableError:
    return UnavailableError(
        f"no {prefix} token is free in this incident after {ATTEMPTS_MAX} attempts",
        code="pseudonyms-exhausted",
        remedy="state another safeconduct-session, which has tokens of its own",
    )
