"""A whole text restored at once."""

from dataclasses import dataclass

from safeconduct.boundary.restoring import Restorable, Restorer, Tally


@dataclass(frozen=True, slots=True)
class Restored:
    """A text with its tokens restored, and what became of them."""

    text: str
    tally: Tally


def restore(text: str, known: Restorable, *, as_json: bool = False) -> Restored:
    """Restores a whole text. With `as_json` it is a JSON document, and what is put in is escaped as that demands."""
    restorer = Restorer(known, as_json=as_json)
    return Restored(restorer.feed(text) + restorer.rest(), restorer.tally)
