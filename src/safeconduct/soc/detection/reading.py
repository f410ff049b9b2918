"""From a file's YAML to the rules, correlations and filters that pySigma reads in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRuleBase

from safeconduct.kernel.canonical import digest
from safeconduct.soc.detection.correlation_parsing import conditions, references
from safeconduct.soc.detection.model import RuleError

DOCUMENT_BYTES_MAX = 1024 * 1024
"""Bytes of one rule file. Rules are a few kilobytes; YAML larger than this is made to hurt."""

VALUES_MAX = 100_000
"""Values in one rule file, each alias counted as what it stands for. The largest public rule has fewer than 2,000."""

DEPTH_MAX = 32
"""How deep maps and lists of a rule file nest, and parentheses of a condition; public rules stay below 8."""

CONDITION_CHARS_MAX = 4096
"""Characters of a condition. The longest public one has fewer than 700; what takes parsing long is made to."""

TITLE_CHARS_MAX = 256
"""Characters of a title, as the Sigma specification limits it; it stands in log entries of bounded size."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where it was built in: ten times as fast

SPELLED_MAX = 300  # characters of a library's message that are passed on


@dataclass(frozen=True)
class Found:
    """A rule as pySigma read it, the file it stands in, and the digest of that file's content.

    `written` is a correlation's condition as the file has it.
    """

    name: str
    rule: SigmaRuleBase
    content: str
    written: object = None

    @property
    def id(self) -> str:
        """The rule's id."""
        return str(self.rule.id)

    @property
    def counts(self) -> list[str]:
        """The names or ids of the rules it counts."""
        return references(self.rule) if isinstance(self.rule, SigmaCorrelationRule) else []


def read(name: str, text: str, filled: Mapping[str, Sequence[str]], placeholders: set[str]) -> Iterator[Found]:
    """Yields the rules of a file; `filled` are the values of those of its `placeholders` that have some.

    Raises:
        RuleError: one of them is no rule, or the file is made to hurt.
    """
    if len(text.encode(errors="replace")) > DOCUMENT_BYTES_MAX:
        raise RuleError(f"{name} is over {DOCUMENT_BYTES_MAX} bytes", code="too-large")
    documents = _documents(name, text)
    values = {one: list(filled[one]) for one in sorted(placeholders & filled.keys())}
    content = digest({"rules": _plain(documents), "values": values} if values else _plain(documents))
    plain, written = conditions(documents)
    waiting = iter(written)
    for rule in _parsed(name, plain):
        if rule.id is None and not isinstance(rule, SigmaFilter):
            raise RuleError(f"{name}: the rule has no id; expected a UUID")
        if not 0 < len(rule.title) <= TITLE_CHARS_MAX:
            raise RuleError(f"{name}: expected a title of 1 to {TITLE_CHARS_MAX} characters")
        yield Found(name, rule, content, next(waiting) if isinstance(rule, SigmaCorrelationRule) else None)


def brief(error: Exception) -> str:
    """Returns a library's message on one line and of bounded length."""
    return " ".join(str(error).split())[:SPELLED_MAX]


def _documents(name: str, text: str) -> list[dict[str, Any]]:
    try:
        documents = [document for document in yaml.load_all(text, _LOADER) if document is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RuleError(f"{name}: is no YAML: {brief(error)}") from error
    if not documents or not all(isinstance(document, dict) for document in documents):
        raise RuleError(f"{name}: expected a Sigma rule, a YAML map with title, logsource and detection")
    _bounded(name, documents)
    for document in documents:
        for part in ("detection", "filter", "correlation"):
            _condition(name, document.get(part))
    return documents


def _bounded(name: str, documents: list[dict[str, Any]]) -> None:
    """Walks what aliases spell out: a kilobyte of them can stand for more than any memory holds."""
    waiting: list[tuple[Any, int]] = [(documents, 0)]
    walked = 0
    while waiting:
        value, depth = waiting.pop()
        walked += 1
        if walked > VALUES_MAX or depth > DEPTH_MAX:
            raise RuleError(
                f"{name}: over {VALUES_MAX:,} values, or nested deeper than {DEPTH_MAX}", code="rule-explodes"
            )
        if isinstance(value, dict):
            waiting += [(item, depth + 1) for item in value.values()]
        elif isinstance(value, list):
            waiting += [(item, depth + 1) for item in value]


def _condition(name: str, part: object) -> None:
    given = part.get("condition") if isinstance(part, dict) else None
    for condition in given if isinstance(given, list) else [given]:
        if isinstance(condition, str) and (len(condition) > CONDITION_CHARS_MAX or _nested(condition) > DEPTH_MAX):
            raise RuleError(
                f"{name}: a condition of over {CONDITION_CHARS_MAX:,} characters, or nested deeper than {DEPTH_MAX}",
                code="rule-explodes",
            )


def _nested(condition: str) -> int:
    depth = deepest = 0
    for character in condition:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest


def _parsed(name: str, documents: list[dict[str, Any]]) -> list[SigmaRuleBase]:
    try:
        # Filters may stand in another file than what they filter: they are applied when all is read.
        read = SigmaCollection.from_dicts(documents, collect_filters=True, resolve_references=False)
    except SigmaError as error:
        raise RuleError(f"{name}: {brief(error)}") from error
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        # What pySigma raises on shapes it never met.
        raise RuleError(f"{name}: is not shaped like a Sigma rule ({brief(error)})") from error
    return [*read.rules, *read.filters]


def _plain(value: Any) -> Any:  # noqa: ANN401 - YAML
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | bool) or value is None else str(value)
