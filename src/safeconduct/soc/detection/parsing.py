"""From Sigma's YAML to our form. pySigma reads it; what we cannot run is refused by name, never run differently."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import yaml
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import ValueListPlaceholderTransformation
from sigma.rule import SigmaRule, SigmaRuleBase

from safeconduct.kernel.canonical import digest
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.soc.detection.conditions import names_evidence, node, unsupported
from safeconduct.soc.detection.ir import Head, LogSource, Operator, Or, RuleIR
from safeconduct.soc.detection.model import Correlation, Kind, RuleError, RuleSet

DOCUMENT_BYTES_MAX = 1024 * 1024
"""Bytes of one rule file. Rules are a few kilobytes; YAML larger than this is made to hurt."""

TECHNIQUE = re.compile(r"t\d{4}(?:\.\d{3})?")
_PLACEHOLDER = re.compile(r"%([a-z_]+)%")
TITLE_CHARS_MAX = 256
"""Characters of a title, as the Sigma specification limits it; it stands in log entries of bounded size."""

SPELLED_MAX = 300  # characters of a library's message that are passed on


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule file that gave no rule, and why."""

    name: str
    error: InvalidInputError


@dataclass(frozen=True)
class _Found:
    """A rule as pySigma read it, the file it stands in, and the digest of that file's content."""

    name: str
    rule: SigmaRuleBase
    content: str

    @property
    def id(self) -> str:
        return str(self.rule.id)

    @property
    def counts(self) -> list[str]:
        listed = self.rule.rules if isinstance(self.rule, SigmaCorrelationRule) else None
        return [reference.reference for reference in listed or ()]


@dataclass
class _Conversion:
    """What is known while a set of rules is converted."""

    found: dict[str, _Found]
    problems: list[Problem]
    filled: Mapping[str, Sequence[str]]
    heads: dict[str, Head] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ids = {item.rule.name: key for key, item in self.found.items() if item.rule.name} | {
            key: key for key in self.found
        }
        self.counted = {
            self.ids.get(reference)
            for item in self.found.values()
            for reference in item.counts
            if isinstance(item.rule, SigmaCorrelationRule) and not item.rule.generate
        }

    def head(self, item: _Found) -> Head:
        rule = item.rule
        techniques = {
            tag.name.upper() for tag in rule.tags if tag.namespace == "attack" and TECHNIQUE.fullmatch(tag.name)
        }
        return Head(
            id=item.id,
            name=rule.name or "",
            title=rule.title,
            level=rule.level.name.lower() if rule.level else "informational",
            digest=digest({"content": item.content, "rule": item.id}),
            techniques=tuple(sorted(techniques)),
            description=(rule.description or "").strip(),
            falsepositives=tuple(map(str, rule.falsepositives)),
            author=rule.author or "",
            alerts=item.id not in self.counted,
        )

    def refuse(self, item: _Found, error: RuleError) -> None:
        told = RuleError(f"{item.name}: {error.message}", code=error.code, remedy=error.remedy)
        self.problems.append(Problem(item.name, told))


NOTHING_FILLED: Mapping[str, Sequence[str]] = {}


def load(files: Iterable[tuple[str, str]], filled: Mapping[str, Sequence[str]] = NOTHING_FILLED) -> RuleSet:
    """Reads rule files, given as (name, text). `filled` are the values of placeholders, in Sigma's spelling.

    Raises:
        RuleError: the first problem found; no rule of the set is to be run then.
    """
    rules, problems = check(files, filled)
    if problems:
        raise problems[0].error
    return rules


def check(
    files: Iterable[tuple[str, str]], filled: Mapping[str, Sequence[str]] = NOTHING_FILLED
) -> tuple[RuleSet, list[Problem]]:
    """Reads rule files and returns the rules that can be used and every problem of the others."""
    found: dict[str, _Found] = {}
    problems: list[Problem] = []
    for name, text in files:
        try:
            for item in list(_read(name, text, filled)):
                if item.id in found:
                    raise RuleError(f"{name}: id {item.id} is also that of {found[item.id].name}")
                found[item.id] = item
        except InvalidInputError as error:
            problems.append(Problem(name, error))
    conversion = _Conversion(found, problems, filled)
    return RuleSet(tuple(_event_rules(conversion)), tuple(_correlations(conversion))), problems


def placeholders(text: str) -> set[str]:
    """Returns the names of the placeholders in a rule file."""
    return set(_PLACEHOLDER.findall(text))


def _read(name: str, text: str, filled: Mapping[str, Sequence[str]]) -> Iterator[_Found]:
    if len(text.encode(errors="replace")) > DOCUMENT_BYTES_MAX:
        raise RuleError(f"{name} is over {DOCUMENT_BYTES_MAX} bytes", code="too-large")
    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RuleError(f"{name}: is no YAML: {_brief(error)}") from error
    if not documents or not all(isinstance(document, dict) for document in documents):
        raise RuleError(f"{name}: expected a Sigma rule, a YAML map with title, logsource and detection")
    values = {one: list(filled[one]) for one in sorted(placeholders(text) & filled.keys())}
    content = digest({"rules": _plain(documents), "values": values} if values else _plain(documents))
    for rule in _parsed(name, documents):
        if rule.id is None:
            raise RuleError(f"{name}: the rule has no id; expected a UUID")
        if not 0 < len(rule.title) <= TITLE_CHARS_MAX:
            raise RuleError(f"{name}: expected a title of 1 to {TITLE_CHARS_MAX} characters")
        yield _Found(name, rule, content)


def _parsed(name: str, documents: list[dict[str, Any]]) -> list[SigmaRuleBase]:
    try:
        return list(SigmaCollection.from_dicts(documents, resolve_references=False).rules)
    except SigmaError as error:
        raise RuleError(f"{name}: {_brief(error)}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # what pySigma raises on shapes it never met
        raise RuleError(f"{name}: is not shaped like a Sigma rule ({_brief(error)})") from error


def _event_rules(conversion: _Conversion) -> Iterator[RuleIR]:
    for item in conversion.found.values():
        if not isinstance(item.rule, SigmaRule):
            continue
        try:
            rule = _event_rule(_with_values(item.rule, conversion.filled), conversion.head(item))
        except RuleError as error:
            conversion.refuse(item, error)
        except SigmaError as error:
            conversion.refuse(item, RuleError(_brief(error)))
        else:
            conversion.heads[item.id] = rule.head
            yield rule


def _with_values(rule: SigmaRule, filled: Mapping[str, Sequence[str]]) -> SigmaRule:
    """Fills in placeholders; a rule that names one without values can't be run, and pySigma says so."""
    if filled:
        values = {name: list(given) for name, given in filled.items()}
        ProcessingPipeline([ProcessingItem(ValueListPlaceholderTransformation())], vars=values).apply(rule)
    return rule


def _event_rule(rule: SigmaRule, head: Head) -> RuleIR:
    conditions = tuple(node(condition.parsed) for condition in rule.detection.parsed_condition)
    condition = conditions[0] if len(conditions) == 1 else Or(conditions)
    if not names_evidence(condition):
        raise unsupported("a condition that can hold without any value being found, so that no evidence can be named")
    source = LogSource(rule.logsource.category or "", rule.logsource.product or "", rule.logsource.service or "")
    return RuleIR(head=head, source=source, condition=condition)


def _correlations(conversion: _Conversion) -> Iterator[Correlation]:
    """Yields them after the rules they count; correlations may count correlations."""
    waiting = [item for item in conversion.found.values() if isinstance(item.rule, SigmaCorrelationRule)]
    while waiting:
        ready = [item for item in waiting if all(conversion.ids.get(ref) in conversion.heads for ref in item.counts)]
        for item in ready or waiting:
            try:
                if not ready:
                    raise RuleError("it counts a rule that is not here, cannot be used, or is itself")  # noqa: TRY301
                correlation = _correlation(item, conversion)
            except RuleError as error:
                conversion.refuse(item, error)
            else:
                conversion.heads[item.id] = correlation.head
                yield correlation
        waiting = [item for item in waiting if item not in ready] if ready else []


def _correlation(item: _Found, conversion: _Conversion) -> Correlation:
    rule = item.rule
    assert isinstance(rule, SigmaCorrelationRule)  # noqa: S101 - the caller chose by it
    condition = _countable(rule)
    ids = [conversion.ids[reference] for reference in item.counts]
    head = conversion.head(item)
    counted = [conversion.heads[key].digest for key in ids]
    return Correlation(
        head=replace(head, digest=digest({"rule": head.digest, "counts": counted})),
        kind=Kind(rule.type.name.lower()),
        rules=tuple(ids),
        group_by=tuple(rule.group_by or ()),
        aliases={
            alias.alias: {conversion.ids[reference.reference]: name for reference, name in alias.mapping.items()}
            for alias in rule.aliases
        },
        value_field=str(condition.fieldref or ""),
        operator=Operator(condition.op.name.lower()),
        count=condition.count,
        seconds=rule.timespan.seconds,
    )


def _countable(rule: SigmaCorrelationRule) -> SigmaCorrelationCondition:
    condition = rule.condition
    if rule.type.name.lower() not in set(Kind):
        raise unsupported(f"correlation of type {rule.type.name.lower()}")
    if not isinstance(condition, SigmaCorrelationCondition):
        raise unsupported("a correlation's condition written as an expression")
    if isinstance(condition.fieldref, list):
        raise unsupported("values counted over several fields")
    if condition.op.name not in {"GT", "GTE"}:
        raise unsupported(f"condition {condition.op.name.lower()}: while events arrive, few is not yet known to be few")
    return condition


def _plain(value: Any) -> Any:  # noqa: ANN401 - YAML
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | bool) or value is None else str(value)


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:SPELLED_MAX]
