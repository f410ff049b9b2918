"""The report on one incident, to print: HTML without scripts, and Markdown. Both say the same, from one value."""

import re
from collections.abc import Iterable, Iterator, Sequence

from safeconduct.kernel.instants import rfc3339
from safeconduct.soc.claims import AuthorKind
from safeconduct.soc.grounding import CheckedClaim
from safeconduct.soc.incidents.closing import Closed
from safeconduct.soc.reports.model import IncidentReport, Response
from safeconduct.soc.summary import Step, TechniqueUse
from safeconduct.web.page import code, facts, page, section, table, text, visible

QUOTE_CHARS_MAX = 300
"""Characters of one quoted value on paper; the whole value is in the event, whose id stands beside it."""

_INLINE = str.maketrans({one: f"\\{one}" for one in "\\`*_[]|~"} | {"<": "&lt;", "&": "&amp;", "@": "&#64;", "\n": " "})
_LINKED = (("://", "&#58;//"), ("www.", "www&#46;"))
"""What viewers make links of by themselves, and how it is written so that they don't."""

_OPENING = re.compile(r"^(\s*)([#>+=:-]|[0-9]+[.)])")
"""What begins a block of Markdown where a line or an item of a list begins."""

_RESPONSES = ("what", "of what", "proposed", "states")
_AUTHORS = ((AuthorKind.MODEL, "The model"), (AuthorKind.PERSON, "People"), (AuthorKind.RULE, "The rules"))
_PLEDGE = (
    "Each claim below was checked again for this report, against the stored events, by a program and no model. "
    "What did not hold is rejected, stands here all the same, and led to nothing."
)


def render_html(report: IncidentReport) -> str:
    """Returns the page. Everything in it is text; nothing is loaded from anywhere."""
    parts = [
        f"<p><b>{text(report.sharing.label)}</b></p>",
        f"<h1>Incident {code(report.summary.incident)}</h1>",
        f"<p class=soft>{text(_made(report))}</p>",
        section("In short", facts((name, text(value)) for name, value in _facts(report))),
        section("What happened", table(("from", "to", "what", "level", "alerts", "techniques"), _steps(report))),
        section("What its score is made of", "".join(f"<p>{text(one)}</p>" for one in report.summary.score_reasons)),
        section("ATT&amp;CK", table(("technique", "name", "tactics"), map(_technique, report.summary.techniques))),
        section("Responses", table(_RESPONSES, map(_response, report.responses))),
        f"<p class=soft>{text(_PLEDGE)}</p>",
        *(
            section(f"{who} said, and it {'holds' if verified else 'was rejected'}", _claims(found))
            for who, verified, found in _told(report)
        ),
    ]
    return page(report.title, parts)


def render_markdown(report: IncidentReport) -> str:
    """Returns the same as Markdown, in which no value of an event has a meaning of its own."""
    lines = [
        f"# {_md(report.title)}",
        f"**{_md(report.sharing.label)}** · {_md(_made(report))}",
        "## In short",
        *(f"- {_md(name)}: {_md(value)}" for name, value in _facts(report)),
        "## What happened",
        *_rows(("from", "to", "what", "level", "alerts", "techniques"), map(_step_cells, report.summary.steps)),
        "## What its score is made of",
        *([f"- {_md(one)}" for one in report.summary.score_reasons] or [_NOTHING]),
        "## ATT&CK",
        *_rows(("technique", "name", "tactics"), map(_technique_cells, report.summary.techniques)),
        "## Responses",
        *_rows(_RESPONSES, map(_response_cells, report.responses)),
        "## Claims",
        _md(_PLEDGE),
    ]
    for who, verified, found in _told(report):
        lines += [f"### {who} said, and it {'holds' if verified else 'was rejected'}", *_claim_lines(found)]
    return "\n\n".join(_joined(lines)) + "\n"


_NOTHING = "Nothing."


def _made(report: IncidentReport) -> str:
    return f"made {rfc3339(report.made_at)} by {report.made_by or 'this machine'} of {report.organization}"


def _facts(report: IncidentReport) -> Iterator[tuple[str, str]]:
    summary = report.summary
    yield "from", rfc3339(summary.first_at)
    yield "to", rfc3339(summary.last_at)
    yield "score", str(summary.score)
    yield "alerts", f"{summary.alerts}, {summary.grounded} of them rest on verified claims"
    yield "concerned", ", ".join(f"{one.kind} {one.value}" for one in summary.who) or "nobody named"
    for one in report.closings:
        yield "closed", _closing(one)
    if not any(one.stands for one in report.closings):
        yield "state", "open"
    if summary.steps_left_out:
        yield "left out", f"{summary.steps_left_out} further steps"


def _closing(one: Closed) -> str:
    said = one.closed
    by = f"the model {said.model} on path {said.path}, which {said.by} asked" if one.by_model else said.by
    ended = "" if one.reopened_at is None else f"; opened again {rfc3339(one.reopened_at)}"
    return f"as {said.disposition} by {by}, {rfc3339(one.at)}{ended}"


def _told(report: IncidentReport) -> Iterator[tuple[str, bool, Sequence[CheckedClaim]]]:
    """Yields who said what: the model first, because a reader doubts it, and of it even that nothing was rejected."""
    for author, who in _AUTHORS:
        for verified in (True, False):
            found = report.by(author, verified=verified)
            if found or author is AuthorKind.MODEL:
                yield who, verified, found


def _steps(report: IncidentReport) -> Iterator[Sequence[str]]:
    return ([text(cell) for cell in _step_cells(step)] for step in report.summary.steps)


def _step_cells(step: Step) -> Sequence[str]:
    techniques = " ".join(step.techniques)
    return rfc3339(step.at), rfc3339(step.last_at), step.title, step.level, str(step.alerts), techniques


def _technique(used: TechniqueUse) -> Sequence[str]:
    return [text(cell) for cell in _technique_cells(used)]


def _technique_cells(used: TechniqueUse) -> Sequence[str]:
    return used.technique, used.name, ", ".join(used.tactics)


def _response(response: Response) -> Sequence[str]:
    return [text(cell) for cell in _response_cells(response)]


def _response_cells(response: Response) -> Sequence[str]:
    proposed = f"{response.proposed_by}, {rfc3339(response.proposed_at)}"
    return response.kind, response.target, proposed, " → ".join(response.states)


def _claims(found: Iterable[CheckedClaim]) -> str:
    return table(("by", "claim", "evidence", "why not"), map(_claim, found))


def _claim(checked: CheckedClaim) -> Sequence[str]:
    evidence = "<br>".join(
        f"{code(one.event)} {code(one.pointer)}: {text(_quote(one.quote))}" for one in checked.claim.evidence
    )
    return text(_author(checked)), text(checked.text), evidence, text(_why(checked))


def _claim_lines(found: Sequence[CheckedClaim]) -> Iterator[str]:
    if not found:
        yield _NOTHING
    for one in found:
        yield f"- {_md(one.text)} ({_md(_author(one))})" + (f": **{_md(_why(one))}**" if _why(one) else "")
        for cited in one.claim.evidence:
            yield f"  - `{cited.event}` `{_ticked(cited.pointer)}`: {_md(_quote(cited.quote))}"


def _author(checked: CheckedClaim) -> str:
    author = checked.claim.author
    return f"{author.name}, asked by {author.version}" if author.kind is AuthorKind.MODEL else author.name


def _quote(quote: object) -> str:
    return str(quote)[:QUOTE_CHARS_MAX]


def _why(checked: CheckedClaim) -> str:
    return "" if checked.verified else f"{checked.reason.code}: {checked.reason.text}"


def _rows(heads: Sequence[str], cells: Iterable[Sequence[str]]) -> Iterator[str]:
    lines = [f"| {' | '.join(map(_md, line))} |" for line in cells]
    if not lines:
        yield _NOTHING
        return
    yield "\n".join([f"| {' | '.join(heads)} |", f"| {' | '.join('---' for _ in heads)} |", *lines])


def _joined(lines: Iterable[str]) -> Iterator[str]:
    """Yields blocks: lines of one list stand together."""
    block: list[str] = []
    for line in lines:
        if line.lstrip().startswith("- "):
            block.append(line)
            continue
        if block:
            yield "\n".join(block)
            block = []
        yield line
    if block:
        yield "\n".join(block)


def _md(value: object) -> str:
    found = _OPENING.sub(r"\1\\\2", visible(value).translate(_INLINE))
    for linked, plain in _LINKED:
        found = found.replace(linked, plain)
    return found


def _ticked(value: str) -> str:
    return visible(value).replace("`", "\\u0060").replace("\n", " ")
