"""Choosing among a log's cosigned checkpoints, for sources that hold all of them at hand."""

from collections.abc import Sequence

NEWEST = 64
"""Cosigned checkpoints looked through for the newest: each stands once a witness; a policy names at most 32."""

AT_START = 1024
"""Cosigned checkpoints verified at a start, the newest: 0.2 ms each, and a log gets up to one a second. `log verify`
takes all."""

Cosigned = tuple[int, str, str]
"""The size that it is filed under, the note, the witness's key."""


def choose(rows: Sequence[Cosigned], witness: str | None, newest: int | None) -> list[Cosigned]:
    """Returns those of one witness, or of all, or of these the newest so many; ordered by size, as the rows are."""
    found = [row for row in rows if witness in (None, row[2])]
    return found if newest is None else found[max(0, len(found) - newest) :]
