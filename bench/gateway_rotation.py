"""Who calls in the gateway's measurement: 200 principals on 20 paths in rotation, while the program keeps changing."""

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from safeconduct.access.cosigning import complete_cosign
from safeconduct.access.program import Program, parse_program
from safeconduct.access.programs import apply
from support.programs import APPLY, cosigned, demo_program, signed  # type: ignore[import-not-found]

PRINCIPALS = 200
PATHS = 20
PAIRS = 998  # who may use what: a program holds 1,000 grants, and the demo's own has two

_UNREAD = "    data_classes: [telemetry, unlabeled]\n"
_READ = """\
    data_classes: [text, account, host, internal-address, mail, secret, indicator]
    handling: {account: allow, host: allow, internal-address: allow, mail: allow, secret: redact, indicator: allow}
"""
_PRINCIPAL = "  caller-{n}: {{organization: northwind, kind: service, sponsor: ana}}\n"
_GRANT = (
    "  g-{n}-{path}: {{principal: caller-{n}, path: p-{path}, purpose: incident-triage, scope: northwind-perimeter,"
    " window: {{from: 2026-01-01T00:00:00Z, until: 2027-12-31T00:00:00Z}}}}\n"
)


def pairs() -> list[tuple[int, int]]:
    """Returns the numbers of caller and path of each grant, in the order in which calls rotate through them."""
    return [(number % PRINCIPALS, (number + number // PRINCIPALS) % PATHS) for number in range(PAIRS)]


def rotation_program(roles_of_bo: str = "responder", *, inspected: bool) -> bytes:
    """Returns the demo's program with all callers, paths and grants.

    Where its paths are inspected, all recognizers look at each call, and what they find may go on as it is.
    """
    text: str = demo_program().decode().replace("roles: [responder]", f"roles: [{roles_of_bo}]")
    path = re.search(r"^  soc-triage:\n(?:    .*\n)+", text, re.MULTILINE)
    assert path is not None
    assert _UNREAD in path[0]
    stated = path[0].replace(_UNREAD, _READ) if inspected else path[0]
    added = {
        "scopes": "".join(_PRINCIPAL.format(n=number) for number in range(PRINCIPALS)),
        "grants": "".join(stated.replace("soc-triage", f"p-{number}") for number in range(PATHS)),
        "policies": "".join(_GRANT.format(n=number, path=on) for number, on in pairs()),
    }
    for following, lines in added.items():
        text = text.replace(f"\n{following}:", f"{lines}\n{following}:", 1)
    return text.encode()


class Changes:
    """Changes one entity of the standing each time: another role of a person who makes no calls."""

    def __init__(self, world: Any, *, inspected: bool) -> None:  # noqa: ANN401 - tests' LogWorld
        self._world = world
        sources = (rotation_program(roles, inspected=inspected) for roles in ("responder, analyst", "responder"))
        self._next, self._after = ((parse_program(source), source) for source in sources)

    def make(self) -> None:
        """Applies the program that is not in force, and has it cosigned. Any thread but the writer's."""
        (program, source), self._next, self._after = self._next, self._after, self._next
        self._cosign(*self._apply(program, source))

    def _apply(self, program: Program, source: bytes) -> tuple[Any, Any]:
        act = signed("ops", APPLY, source, self._world.clock.now())
        applied = self._world.run(lambda tx: apply(tx, program, act, operation=APPLY, content=act.act.content))
        return applied.value.request, applied.receipts[-1]

    def _cosign(self, request: Any, receipt: Any) -> None:  # noqa: ANN401 - an entry's id, and its receipt
        note = cosigned(receipt.origin, receipt.index + 1)
        self._world.run(lambda tx: complete_cosign(tx, request, note, index=receipt.index))
