"""Rules as queries of other products, in the words of pySigma's back ends: for those who keep their SIEM.

The queries are those back ends'; what they find is not held against what our engine finds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple, TypeVar

from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.soc.detection.correlation_parsing import is_range
from safeconduct.soc.detection.model import Problem, RuleError
from safeconduct.soc.detection.placeholders import placeholders
from safeconduct.soc.detection.reading import Found, brief, read

T = TypeVar("T")

EXTRA = "pip install 'safeconduct[rules]'"


class Target(NamedTuple):
    """A back end: where it stands, and the pipelines that bring Sigma's names to a product's, the first by default."""

    module: str
    backend: str
    pipelines: dict[str, tuple[str, str]]


_ECS = {"ecs_windows": ("sigma.pipelines.elasticsearch.windows", "ecs_windows")}
TARGETS = {
    "splunk": Target(
        "sigma.backends.splunk",
        "SplunkBackend",
        {
            "splunk_windows": ("sigma.pipelines.splunk", "splunk_windows_pipeline"),
            "splunk_cim": ("sigma.pipelines.splunk", "splunk_cim_data_model"),
        },
    ),
    "elasticsearch": Target("sigma.backends.elasticsearch", "LuceneBackend", _ECS),
    "esql": Target("sigma.backends.elasticsearch", "ESQLBackend", _ECS),
    "eql": Target("sigma.backends.elasticsearch", "EqlBackend", _ECS),
    "kusto": Target(
        "sigma.backends.kusto",
        "KustoBackend",
        {
            "microsoft_xdr": ("sigma.pipelines.microsoftxdr", "microsoft_xdr_pipeline"),
            "sentinel_asim": ("sigma.pipelines.sentinelasim", "sentinel_asim_pipeline"),
            "azure_monitor": ("sigma.pipelines.azuremonitor", "azure_monitor_pipeline"),
        },
    ),
}
"""What rules can be written for."""

NO_PIPELINE = "none"
"""Asks for the rules' own field names."""


@dataclass(frozen=True, slots=True)
class Query:
    """A rule in another product's words; some need more than one query."""

    file: str
    rule: str
    title: str
    queries: Sequence[str]


def convert(files: Iterable[tuple[str, str]], target: str, pipeline: str = "") -> tuple[list[Query], list[Problem]]:
    """Returns the rules as queries, and every problem of those that can't be written so.

    Raises:
        InvalidInputError: no such target or pipeline.
        UnavailableError: the back end is not installed (`extra-missing`).
    """
    backend = _backend(target, pipeline)
    found, problems = _read(files)
    rules, counting = _of(found, SigmaRule), _of(found, SigmaCorrelationRule)
    for _, one in _of(found, SigmaFilter):
        for _, rule in rules:
            one.apply_on_rule(rule)
    known = SigmaCollection([*(rule for _, rule in rules), *(rule for _, rule in counting)], resolve_references=False)
    standing = [(item, rule) for item, rule in counting if _resolved(item, rule, known, problems)]
    written = [_query(backend, item, rule, problems) for item, rule in rules]
    written += [_query(backend, item, rule, problems) for item, rule in standing]
    return [query for query in written if query is not None], problems


def _of(found: Iterable[Found], kind: type[T]) -> list[tuple[Found, T]]:
    return [(item, item.rule) for item in found if isinstance(item.rule, kind)]


def _read(files: Iterable[tuple[str, str]]) -> tuple[list[Found], list[Problem]]:
    found: list[Found] = []
    problems: list[Problem] = []
    for name, text in files:
        try:
            found += read(name, text, {}, placeholders(text))
        except InvalidInputError as error:
            problems.append(Problem(name, error))
    return found, problems


def _resolved(item: Found, rule: SigmaCorrelationRule, known: SigmaCollection, problems: list[Problem]) -> bool:
    try:
        if is_range(item.written):
            raise RuleError("a range, of which back ends know one end alone")  # noqa: TRY301
        rule.resolve_rule_references(known)
    except (SigmaError, RuleError) as error:
        problems.append(_problem(item, error))
        return False
    return True


def _query(
    backend: Any,  # noqa: ANN401 - a class of whichever back end is installed
    item: Found,
    rule: SigmaRule | SigmaCorrelationRule,
    problems: list[Problem],
) -> Query | None:
    try:
        counts = isinstance(rule, SigmaCorrelationRule)
        converted = (backend.convert_correlation_rule if counts else backend.convert_rule)(rule)
    except Exception as error:  # noqa: BLE001 - the errors of back ends have no root of their own
        problems.append(_problem(item, error))
        return None
    # Rules that others count are part of their queries and none of their own.
    written = [str(query) for query in converted]
    return Query(item.name, item.id, rule.title, written) if written and rule._output else None  # noqa: SLF001


def _problem(item: Found, error: Exception) -> Problem:
    told = RuleError(f"{item.name}: {brief(error) or type(error).__name__}", code="rule-unsupported")
    return Problem(item.name, told, item.id, item.rule.title)


def _backend(target: str, pipeline: str) -> Any:  # noqa: ANN401 - a class of whichever back end is installed
    if target not in TARGETS:
        raise InvalidInputError(f"rules can't be written for {target[:40]!r}; expected one of {', '.join(TARGETS)}")
    one = TARGETS[target]
    wanted = pipeline or next(iter(one.pipelines))
    if wanted != NO_PIPELINE and wanted not in one.pipelines:
        known = ", ".join((*one.pipelines, NO_PIPELINE))
        raise InvalidInputError(f"{target} has no pipeline {wanted[:40]!r}; expected one of {known}")
    try:
        kind = getattr(import_module(one.module), one.backend)
        made = None if wanted == NO_PIPELINE else _member(*one.pipelines[wanted])()
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"the back end for {target} is not installed", code="extra-missing", remedy=EXTRA
        ) from error
    return kind(processing_pipeline=made)


def _member(module: str, name: str) -> Any:  # noqa: ANN401 - pySigma's plugins are untyped
    return getattr(import_module(module), name)
