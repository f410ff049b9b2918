"""Accounts: Windows' with their domains, security identifiers, and names of mail and of principals."""

import re
from functools import lru_cache
from importlib.resources import files
from string import ascii_letters, digits

import msgspec

from safeconduct.access.inventory import Inventory
from safeconduct.boundary.aligned import LETTER, LETTERS
from safeconduct.boundary.kept_shapes import INDICATOR
from safeconduct.boundary.model import Finding
from safeconduct.boundary.patterns import Hit, Judge, Shape, run_before

ACCOUNT = "account"

_WORDS: dict[str, list[str]] = msgspec.json.decode(
    files("safeconduct.boundary").joinpath("account_words.json").read_bytes()
)
BUILT_IN = frozenset(_WORDS["built_in"])
"""Accounts that every system of their kind has: they name nobody."""

_BUILT_IN_DOMAINS = frozenset(_WORDS["built_in_domains"])
_BUILT_IN_NUMBERED = re.compile(r"(?:dwm|umfd)-\d{1,3}")
_NO_NAMES = frozenset(_WORDS["no_names"])
NAME = rf"[A-Za-z0-9_{LETTERS}][A-Za-z0-9_.{LETTERS}-]{{0,63}}\$?"

# --- Windows
_WELL_KNOWN = re.compile(r"S-1-(?:0|1|2|3|4|15|16|18)-.*|S-1-5-(?:[1-9]|1[0-9]|20|32-\d+|64-.*|113|114|1000)")
_SID = re.compile(r"S-1-\d{1,2}(?:-\d{1,10}){1,14}", re.IGNORECASE)
_SERVICE = re.compile(r"S-1-5-(?:5|8[0-9]|9[0-9]|111)-.*")
IN_NAMES = f"{ascii_letters}{digits}_.-{LETTER}".encode("latin-1")
_IN_MAILBOXES = IN_NAMES + b"%+$/"
_OF_PATHS = frozenset((b"\\", b":", b"%", b"/", b"$", b"*"))  # beside a name these make it a part of a path
_WORDS_BEFORE = 24
NAME_BEFORE = 80
"""Bytes before a backslash or an @ that are looked at: a Windows domain's name has 63, a mailbox 64."""

NAMES_KEPT_MAX = 8_192
"""Names that are remembered with what they are: the same few come again and again."""

_ROOTS = frozenset(_WORDS["roots"])
_ENDS_LIKE_A_FILE = re.compile(
    r".*\.(?:exe|dll|sys|ps1|psm1|bat|cmd|vbs|js|jse|hta|lnk|tmp|log|txt|dat|ini|xml|json|zip|dmp|msi|scr|com|inf|cpl|ocx|"
    r"doc|docx|xls|xlsx|pdf|html?|php|aspx?|py|sh|evtx|db|cfg|config|yml|md|c|h|cpp|cs)",
    re.IGNORECASE,
)
_ESCAPED = frozenset("nrtbfuxdwsDWSB0")


def sid_kind(sid: str) -> tuple[str, str]:
    """Returns the kind and class of a security identifier: those that every Windows has are kept."""
    if _WELL_KNOWN.fullmatch(sid):
        return "well-known-sid", INDICATOR
    return ("service-sid", INDICATOR) if _SERVICE.fullmatch(sid) else ("windows-sid", ACCOUNT)


def _sid(hit: Hit, _: Inventory) -> Finding:
    return Finding(*sid_kind(hit.value.upper()), hit.start, hit.end)


def _windows(hit: Hit, inventory: Inventory) -> Finding | None:
    """Reads a domain, a backslash and a user from the backslash on."""
    start = run_before(hit.data, hit.first, IN_NAMES, NAME_BEFORE)
    written, before = hit.data[start : hit.first], hit.data[max(start - _WORDS_BEFORE, 0) : start]
    if not written or before[-1:] in _OF_PATHS:  # so most end: parts of paths
        return None
    value, domain = hit.value, written.decode("latin-1").lower()
    name = value.lstrip("\\")
    escaped = len(value) - len(name) == 1
    name = name.rstrip(".")
    end = hit.end - len(value) + len(value.rstrip("."))
    if hit.data[end : end + 1] in _OF_PATHS or "\\" in name:
        return None
    if _built_in_domain(domain, before):
        return Finding("built-in-account", INDICATOR, start, end)
    if domain in inventory.domains or _is_windows_domain(domain, name, written, escaped=escaped):
        return Finding("windows-account", ACCOUNT, start, end)
    return None


def is_built_in_domain(name: str) -> bool:
    """Tells whether every Windows has a domain of this name."""
    return name.lower() in _BUILT_IN_DOMAINS


def _built_in_domain(domain: str, before: bytes) -> bool:
    words = before.decode("latin-1").lower().split(" ")
    return any(f"{' '.join(words[-more:-1])} {domain}".strip() in _BUILT_IN_DOMAINS for more in (1, 2, 3))


def _is_windows_domain(domain: str, name: str, written: bytes, *, escaped: bool) -> bool:
    if domain in _ROOTS or name.lower() in _ROOTS or _ENDS_LIKE_A_FILE.fullmatch(name) or not domain[0].isalnum():
        return False
    if _ENDS_LIKE_A_FILE.fullmatch(domain) or not any(one.isalpha() for one in name):
        return False
    return not (escaped and name[0] in _ESCAPED) or (len(domain) > 1 and written.upper() == written)


def _at(hit: Hit, inventory: Inventory) -> Finding | None:
    """Reads `name@domain` from its @ on: a mailbox, a principal's name, or a user at an own host."""
    first = run_before(hit.data, hit.first, _IN_MAILBOXES, NAME_BEFORE)
    mailbox = hit.data[first : hit.first].rpartition(b"/")[2].lstrip(b".%+-")
    domain = hit.value.rstrip(".-").lower()
    end = hit.start + len(domain)
    if not mailbox or mailbox == b"git":
        return None
    start = hit.first - len(mailbox)
    if any(domain == one or domain.endswith("." + one) for one in inventory.domains):
        return Finding("upn", ACCOUNT, start, end)
    if domain in inventory.hosts:
        return Finding("user-at-host", ACCOUNT, start, end)
    ending = domain.rpartition(".")[2]
    if "." in domain and ending.isalpha() and 2 <= len(ending) <= 24:  # noqa: PLR2004 - letters of a top-level domain
        return Finding("mail", "mail", start, end)
    return None


def named(kind: str) -> Judge:
    """Returns the judge that takes a hit for an account's name, if it can be one."""

    def judge(hit: Hit, _: Inventory) -> Finding | None:
        name = hit.value.rstrip(".-")
        what = account_kind(name, kind)
        return Finding(*what, hit.start, hit.start + len(name)) if what else None

    return judge


@lru_cache(maxsize=NAMES_KEPT_MAX)
def account_kind(name: str, kind: str) -> tuple[str, str] | None:
    """Returns the kind and class of what stands where an account's name does; None where it can be none."""
    domain, _, user = name.lower().rpartition("\\")
    if _SID.fullmatch(name):
        return sid_kind(name.upper())
    if len(user) < 2 or user in _NO_NAMES or user.isdigit():  # noqa: PLR2004 - one letter names nobody
        return None
    built_in = domain.strip("\\") in _BUILT_IN_DOMAINS or (not domain and is_built_in(user))
    return ("built-in-account", INDICATOR) if built_in else (kind, ACCOUNT)


def is_built_in(name: str) -> bool:
    """Tells whether every system of its kind has an account of this name."""
    lowered = name.lower()
    return lowered in BUILT_IN or _BUILT_IN_NUMBERED.fullmatch(lowered) is not None


_PROFILE = re.compile(rf"\\users\\{{1,2}}({NAME})".encode("latin-1"), re.IGNORECASE)
_IN_PROFILE = named("windows-profile")


def _path(hit: Hit, inventory: Inventory) -> Finding | None:
    """Reads what follows a word from its first backslash on: one means an account, more a path."""
    if hit.data.count(b"\\", hit.start, hit.end) <= 2:  # noqa: PLR2004 - as it is, or escaped as JSON has it
        return _windows(hit, inventory)
    profile = _PROFILE.search(hit.data, hit.start, hit.end)
    return _IN_PROFILE(Hit(hit.data, hit.first, *profile.span(1)), inventory) if profile else None


SHAPES = (
    Shape(words=("s-1-",), pattern=_SID.pattern, judge=_sid),
    Shape(parts=("@",), pattern=r"@([A-Za-z0-9][A-Za-z0-9.-]{1,252})", judge=_at),
    Shape(form=rf"(?:\\{{1,2}}[A-Za-z0-9_{LETTERS}][A-Za-z0-9_.$~{LETTERS}-]*){{1,12}}", judge=_path),
)
