"""What people are shown of detection rules."""

from typing import Any

from safeconduct.cli.output import SHOWN_MAX, err, first_of, out, rows
from safeconduct.soc.wording import number_of


def show_rules(listed: list[dict[str, Any]]) -> None:
    """Shows the rules in use; those that only others count are counted."""
    shown = [row | {"techniques": " ".join(row["techniques"])} for row in listed if row["alerts"]]
    rows(shown, "level", "title", "techniques")
    out.print(f"and {len(listed) - len(shown)} that these count", style="dim")


def show_collections(document: dict[str, Any]) -> None:
    """Shows the collections, the filters and what is set aside."""
    rows(document["collections"], "name", "files", "rules", "aside", "digest")
    _show_filters(document["filters"])
    _show_aside(document["aside"])


def show_added(document: dict[str, Any]) -> None:
    """Shows what became of a collection that was taken in."""
    added = document["collection"]
    taken = f"{number_of(added['files'], 'file')}, {number_of(added['rules'], 'rule')} in use"
    out.print(f"{added['name']}: {taken}", markup=False)
    _show_filters(document["filters"])
    _show_aside(document["aside"])


def show_tried(document: dict[str, Any]) -> None:
    """Shows what rules would have found: by incident, by rule, and what they lose."""
    per_day = document["tried"]["new"] / document["days"]
    looked_at = f"{number_of(document['events'], 'event')} of {number_of(document['days'], 'day')}"
    out.print(
        f"{looked_at}: {number_of(document['alerts_before'], 'alert')} before, "
        f"{document['alerts_after']} after; {document['tried']['new']} new, {per_day:.1f} a day",
        markup=False,
    )
    _show_closed(document["cases"])
    rows(document["rules"][:SHOWN_MAX], "new", "gone", "level", "title")
    first_of(document["tried"]["lost"], lambda incident: out.print(f"  lost: {incident}", style="yellow", markup=False))


def _show_closed(cases: list[dict[str, Any]]) -> None:
    for disposition in sorted({one["disposition"] for one in cases}):
        closed = [one for one in cases if one["disposition"] == disposition]
        before, after = (sum(one[when] for one in closed) for when in ("before", "after"))
        out.print(f"  closed as {disposition}: {len(closed)}, found before {before}, after {after}", markup=False)


def _show_filters(filters: list[dict[str, Any]]) -> None:
    for one in filters:
        missing = f" (not here: {', '.join(one['unknown'])})" if one["unknown"] else ""
        out.print(f"  filter: {one['title']}{missing}", markup=False)


def _show_aside(aside: list[dict[str, Any]]) -> None:
    if aside:
        out.print(f"{len(aside)} set aside:")
    first_of(aside, lambda one: out.print(f"  {one['message']} ({one['code']})", markup=False))


def show_coverage(found: dict[str, Any]) -> None:
    """Shows what the rules cover, by tactic and by log source."""
    rows(found["tactics"], "id", "name", "techniques", "covered", "with_data", "rules")
    out.print()
    rows(found["sources"][:SHOWN_MAX], "rules", "seen", "category", "product", "service")
    out.print(
        f"{found['rules']} rules, {found['without_technique']} without a technique; seen in {found['sampled']:,} events"
    )


def show_queries(document: dict[str, Any]) -> None:
    """Prints the queries of another product, and on stderr what could not be written as one."""
    for one in document["queries"]:
        for query in one.queries:
            out.print(query, markup=False)
    for problem in document["problems"]:
        err.print(f"{problem['message']} ({problem['code']})", markup=False)


def show_check(document: dict[str, Any]) -> None:
    """Shows which rules can be run, and why not."""
    files, runnable = number_of(document["files"], "file"), number_of(document["rules"], "rule")
    out.print(f"{files}, {runnable} can be run, {number_of(len(document['filters']), 'filter')}")
    _show_filters([one for one in document["filters"] if one["unknown"]])
    for problem in document["problems"]:
        out.print(f"  {problem['message']} ({problem['code']})", markup=False)
    for name in document["techniques_not_in_use"]:
        out.print(f"  {name['title']}: ATT&CK does not use {name['technique']} (any more)", markup=False)
