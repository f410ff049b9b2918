"""The targets in values: arguments of tools and documents of JSON, where a member's name says what its value is."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from safeconduct.access.assets import Host, parse_asset
from safeconduct.gateway.plain_text import plain
from safeconduct.gateway.target_words import in_value, may_be_one
from safeconduct.kernel.errors import InvalidInputError

NESTED_MAX = 8
"""Documents within texts within documents that are opened; deeper ones are read as text, which finds no less."""

_FENCED = re.compile(r"```[a-z]*\n(.*?)```", re.DOTALL | re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9_][a-z0-9_-]{0,62}\.?", re.IGNORECASE | re.ASCII)
_HOST_WORDS = (
    "host hostname hostip computer computername machine machinename device devicename server servername workstation"
    " workstationname target targethost targetname endpoint node nodename domaincontroller"
)
_ACCOUNT_WORDS = "account accountid accountnumber awsaccount awsaccountid recipientaccountid owner ownerid owneraccount"
_FORMS: tuple[tuple[frozenset[str], re.Pattern[str], str], ...] = (
    (frozenset(_ACCOUNT_WORDS.split()), re.compile(r"(\d{4})-?(\d{4})-?(\d{4})", re.ASCII), "aws:"),
    (
        frozenset(("subscription", "subscriptionid", "azuresubscription", "azuresubscriptionid")),
        re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE | re.ASCII),
        "azure:",
    ),
    (
        frozenset(("project", "projectid", "gcpproject", "gcpprojectid")),
        re.compile(r"([a-z][a-z0-9-]{4,28}[a-z0-9])", re.ASCII),
        "gcp:",
    ),
)
_HOSTS = frozenset(_HOST_WORDS.split())


def targets_of_values(values: Iterable[Any]) -> frozenset[str]:
    """Returns the targets of values out of JSON. A text that is a document itself is read as one."""
    found: set[str] = set()
    for name, text in _texts(values):
        if name:
            found.update(_by_name(name, text))
        for word in plain(text).split():
            if may_be_one(word):
                found |= in_value(word)
    return frozenset(found)


def documents(texts: Iterable[str]) -> Iterator[Any]:
    """Yields the JSON objects and lists that a text is, or that stand in it between fences or as a line."""
    for text in texts:
        if "{" not in text and "[" not in text:
            continue
        whole = _document(text)
        if whole is not None:
            yield whole
            continue
        fenced, lines = _FENCED.findall(text) if "```" in text else (), text.splitlines()
        for part in (*fenced, *(lines if len(lines) > 1 else ())):  # one line alone was read as the whole
            read = _document(part)
            if read is not None:
                yield read


def _texts(values: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Yields every text and number with the name of the member that it stands under, and every member name."""
    waiting = [("", value, 0) for value in values]
    while waiting:
        name, value, depth = waiting.pop()
        if isinstance(value, dict):
            waiting.extend((str(key), inner, depth) for key, inner in value.items())
            yield from (("", str(key)) for key in value)
        elif isinstance(value, list):
            waiting.extend((name, inner, depth) for inner in value)
        elif isinstance(value, str):
            inner = _document(value) if depth < NESTED_MAX else None
            if inner is None:
                yield name, value
            else:
                waiting.append((name, inner, depth + 1))
        elif isinstance(value, int) and not isinstance(value, bool):
            yield name, str(value)


def _document(text: str) -> Any | None:  # noqa: ANN401 - JSON
    stripped = text.strip()
    if stripped[:1] not in ("{", "["):
        return None
    try:
        return json.loads(stripped)
    except RecursionError:
        return [stripped.replace("[", " ").replace("{", " ")]  # too deep to be read as one: its words are values
    except ValueError:
        return None


def _by_name(name: str, text: str) -> Iterator[str]:
    known = name.lower().replace("_", "").replace("-", "").replace(" ", "")
    if known in _HOSTS and _HOST.fullmatch(text) and not text.isdigit():
        yield str(Host(text.lower().removesuffix(".")))
    for names, form, cloud in _FORMS:
        found = form.fullmatch(text) if known in names else None
        if found:
            try:
                yield str(parse_asset(cloud + "".join(found.groups())))
            except InvalidInputError:
                continue
