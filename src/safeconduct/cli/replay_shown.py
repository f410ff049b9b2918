"""What people are shown of a replay."""

from typing import Any

import msgspec

from safeconduct.cli.output import err, out
from safeconduct.http.problems import error_of
from safeconduct.kernel.errors import UnavailableError

_TITLES = {
    "allow-to-deny": "allowed, would be refused",
    "deny-to-allow": "refused, would be allowed",
    "other-reasons": "same answer for other reasons",
}
_WHY = {
    "facts-dropped": "what policies saw then is not kept any more",
    "policies-unknown": "the policies that decided them are not known here",
    "targets-sealed": "a policy asks for names of targets, which are sealed",
    "destroyed": "their sealed fields were destroyed",
    "not-recorded": "their entries are of an earlier release",
    "unrecorded": "refused beyond the rate at which refusals get entries",
}


def show_progress(line: bytes) -> None:
    """Tells how far a replay got, on stderr."""
    document = msgspec.json.decode(line)
    if "progress" in document:
        done = document["progress"]
        err.print(f"{done['entries']} of {done['of']} entries, {done['calls']} calls", style="dim")


def replayed(last: dict[str, Any]) -> dict[str, Any]:
    """Returns what a replay found, from the last line of its answer.

    Raises:
        SafeconductError: it failed on the way.
    """
    if "error" in last:
        raise error_of(last["error"])
    found: dict[str, Any] = last["replay"]
    return found


def show_replay(document: dict[str, Any]) -> None:
    """Prints a replay for people."""
    out.print(f"{document['calls']} calls since {document['since']}, {document['unchanged']} unchanged", markup=False)
    for change, title in _TITLES.items():
        _show_change(title, document["changes"][change])
    for one in document["not_replayed"]:
        out.print(f"{one['calls']} not replayed: {_WHY[one['why']]}; first {one['first']}", markup=False)
    agreed = document["self_check"]["agreed"]
    told = f"self-check: {agreed} of {document['calls']} calls come out as recorded under the policies of their day"
    out.print(told, style="dim", markup=False)


def refuse_mismatch(document: dict[str, Any]) -> None:
    """Returns if every call came out as recorded.

    Raises:
        UnavailableError: `replay-mismatch`: what was replayed is not what was decided.
    """
    wrong = document["self_check"]["mismatched"]
    if wrong["calls"]:
        raise UnavailableError(
            f"{wrong['calls']} calls come out otherwise than recorded under the very policies that decided them, first "
            f"{wrong['first']['call']}: what is said above of changes can't be relied on",
            code="replay-mismatch",
            remedy="safeconduct log verify; then report it with that call's entry",
        )


def _show_change(title: str, tally: dict[str, Any]) -> None:
    out.print(f"{tally['calls']} {title}", markup=False)
    if not tally["calls"]:
        return
    named = ", ".join(f"{one['principal']} ({one['calls']})" for one in tally["people"])
    more = tally["principals"] - len(tally["people"])
    out.print(f"  of {named}{f' and {more} more' if more else ''}", markup=False)
    first = tally["first"]
    asked = f"{first['principal']} on path {first['path']} for {first['purpose']}"
    out.print(f"  first: {first['call']} at {first['at']}, {asked}", markup=False)
    for when in ("before", "after"):
        side = first[when]
        told = [*side["reasons"], *(f"policy {one}" for one in side["determining"])]
        out.print(f"    {when}: {side['effect']}; {', '.join(told)}", markup=False)
