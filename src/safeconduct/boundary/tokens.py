"""The form of pseudonyms: typed tokens of one length and alphabet.

`HOST_k3qz7mhdaa`: what it stands for, eight characters for the value (its identity), two for how it is spelled.
"""

import hmac
import ipaddress
import re
from collections.abc import Callable, Mapping

from safeconduct.boundary.lookalikes import JOINING

PREFIXES: Mapping[str, str] = {
    "account": "USER",
    "host": "HOST",
    "internal-address": "IP",
    "mail": "MAIL",
    "phone": "PHONE",
    "payment": "CARD",
    "national-id": "ID",
}
"""What tokens of a data class begin with."""

OTHER = "DATA"
"""What tokens of any other class begin with: the program may name classes of its own."""

LITERAL = "TEXT"
"""What stands for a text that only has the form of a token: so no text of a caller is taken for one of ours."""

VARIABLE = "VAR"
"""What a variable's token begins with: it stands in the vault, and no model is shown it in this form."""

IDENTITY_CHARS = 8
"""Characters that tell values apart: 40 bits. Of a million values 0.45 pairs collide, and are made again."""

SPELLING_CHARS = 2
"""Characters that tell spellings of one value apart: ten bits, and those that collide are made again."""

TOKEN = re.compile(
    rf"(?<![{JOINING}])(?:{'|'.join([*PREFIXES.values(), OTHER, LITERAL])})"
    rf"_[a-z2-7]{{{IDENTITY_CHARS + SPELLING_CHARS}}}(?![{JOINING}])"
)
"""A token in a text. It stands alone: beside a letter that joins with it to one word it is none. Linear in the text."""

LIKE_TOKEN = re.compile(rf"_[a-z2-7]{{{IDENTITY_CHARS + SPELLING_CHARS}}}")
"""What every token holds and few texts do: much quicker to look for."""

AS_FOLDED = "a" * SPELLING_CHARS
"""How the spelling ends that is the value's own: of `WS01` and `ws01` the second."""

_KEY_BYTES = 5  # 40 bits are eight characters of base32
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648 section 6, in small letters
_PAIRS = [one + other for one in _LETTERS for other in _LETTERS]  # ten bits each
_NETWORKS: Mapping[int, tuple[int, int]] = {4: (16, 24), 6: (48, 64)}
_WIDE, _NARROW = 3, 5  # characters that addresses of one wide or narrow network share


def prefix_of(data_class: str) -> str:
    """Returns what tokens of a class begin with."""
    return PREFIXES.get(data_class, OTHER)


def identity_of(token: str) -> str:
    """Returns the part of a token that all spellings of one value share, with its prefix."""
    return token[:-SPELLING_CHARS]


def folded(prefix: str, value: str) -> str:
    """Returns the one spelling by which equal values are equal: what counts as the same value, for each prefix."""
    fold = _FOLDS.get(prefix)
    return fold(value) if fold else value


def identity(key: bytes, prefix: str, value: str, attempt: int) -> str:
    """Returns the identity that a folded value has under a key; another `attempt` gives another one."""
    return f"{prefix}_{_chars(key, 'value', prefix, value, attempt)}"


def subnet_identity(key: bytes, prefix: str, value: str, attempt: int) -> str:
    """Returns an identity that shows an address's networks; what is no address has an ordinary one.

    Three characters are the wider network's (/16, /48), two the narrower's (/24, /64), three the address's.
    """
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return identity(key, prefix, value, attempt)
    wide, narrow = (ipaddress.ip_network((value, bits), strict=False) for bits in _NETWORKS[address.version])
    return (
        f"{prefix}_{_chars(key, 'network', prefix, str(wide), 0)[:_WIDE]}"
        f"{_chars(key, 'network', prefix, str(narrow), 0)[: _NARROW - _WIDE]}"
        f"{_chars(key, 'value', prefix, value, attempt)[: IDENTITY_CHARS - _NARROW]}"
    )


def spelling(key: bytes, prefix: str, value: str, attempt: int) -> str:
    """Returns how the token of a value ends that is not spelled as it is folded."""
    return _chars(key, "spelling", prefix, value, attempt)[:SPELLING_CHARS]


def _chars(key: bytes, *parts: str | int) -> str:
    said = "\0".join(map(str, ("safeconduct/pseudonym/v1", *parts)))
    made = hmac.digest(key, said.encode(errors="surrogatepass"), "sha256")
    bits = int.from_bytes(made[:_KEY_BYTES], "big")
    return _PAIRS[bits >> 30] + _PAIRS[bits >> 20 & 1023] + _PAIRS[bits >> 10 & 1023] + _PAIRS[bits & 1023]


def _name(value: str) -> str:
    return value.lower().rstrip(".")


def _address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        return value.lower()


def _letters_and_digits(value: str) -> str:
    return "".join(one for one in value.lower() if one.isalnum())


_FOLDS: Mapping[str, Callable[[str], str]] = {
    "USER": str.lower,
    "HOST": _name,
    "IP": _address,
    "MAIL": str.lower,
    "PHONE": _letters_and_digits,
    "CARD": _letters_and_digits,
    "ID": _letters_and_digits,
}
