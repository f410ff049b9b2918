"""What today's rules find in a past call's request and answer, and what left though its path did not let it. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from safeconduct.access.data_handling import DataHandling
from safeconduct.access.detection import FoundAct, FoundKind, OutputRules
from safeconduct.access.inventory import Inventory
from safeconduct.access.model.paths import SealedPath
from safeconduct.boundary.model import Finding
from safeconduct.gateway.dialects.model import ModelRequest
from safeconduct.gateway.dialects.registry import dialect
from safeconduct.gateway.dialects.sse import FRAME_END
from safeconduct.gateway.errors import no_answer
from safeconduct.gateway.events import CallIntended
from safeconduct.gateway.hinting import counted, find_hints
from safeconduct.gateway.inspecting import Inspected, finder, inspect
from safeconduct.gateway.moves import Release
from safeconduct.gateway.output import Noting, OutputInspector
from safeconduct.gateway.release import check_whole, releaser
from safeconduct.gateway.request_checks import shapes_of
from safeconduct.kernel.errors import UpstreamError


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCall:
    """A call as its intent has it, with the request that came and the one that left.

    `released` is what was let out of its answer, empty where that is not looked at, and `found` what was counted in it
    then; `canary` is its path's, empty where nobody knows it.

    `then` is its path as it was, None where no version of it has the digest any more; `now` the path in force, with
    whose rules it is looked at, or again the one of then.
    """

    intent: CallIntended
    request: str
    sent: str
    then: SealedPath | None
    now: SealedPath
    released: str = ""
    found: Mapping[str, int] = field(default_factory=dict)
    canary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAgain:
    """What is found beyond what was then, by class and by family; `left` has values that left, each with its class.

    `answer` counts what is found in the answer beyond what was then, by kind; None where nobody reads that any more.
    What is found in the request counts all the same: an answer that broke off hides nothing of it.
    """

    classes: Mapping[str, int]
    hints: Mapping[str, int]
    left: Mapping[str, str]
    answer: Mapping[str, int] | None = field(default_factory=dict)

    @property
    def is_new(self) -> bool:
        """Tells whether there is anything to tell."""
        return bool(self.classes or self.hints or self.left or self.answer)


def look_again(past: PastCall, inventory: Inventory) -> SeenAgain:
    """Returns what the rules of now find in a request, and in what was let out of its answer.

    Raises:
        DialectError: what was taken then is not a request of its dialect any more.
    """
    spoken, body = dialect(past.intent.dialect), past.request.encode()
    asked = spoken.read(body, shapes_of(past.then or past.now))
    hints = counted(find_hints(past.now, spoken.transcript(body))) if past.now.looks_for_hints else {}
    found = _inspected(past, asked, inventory)
    classes = found.classes if found else {}
    return SeenAgain(
        classes=_beyond(classes, past.intent.data_classes),
        hints=_beyond(hints, past.intent.hints),
        left=_left(past, found) if found else {},
        answer=_answer(past) if past.released else {},
    )


def _answer(past: PastCall) -> Mapping[str, int] | None:
    try:
        return _beyond(_answered(past), past.found)
    except UpstreamError:
        return None


def _answered(past: PastCall) -> Mapping[str, int]:
    """Returns what the path's rules for its output find in an answer that was let out, a stream or a document.

    Whatever they do about it they only mark here, so that nothing ends the search. Originals are not looked for: which
    tokens a past call had is not kept with it.

    Raises:
        UpstreamError: it broke off, or can't be read as everybody would read it.
    """
    if past.now.output is None:
        return {}
    marking = OutputRules(hosts=past.now.output.hosts, **{kind.value: FoundAct.MARK for kind in FoundKind})
    noting = Noting(OutputInspector(past.now.id, marking, canary=past.canary))
    released = past.released.encode()
    if released.lstrip()[:1] == b"{":
        check_whole(Release.HOLD_ALL, noting, released)
    elif not released.endswith(FRAME_END):
        raise no_answer("it is no document, and does not end with a frame")
    else:
        holding = releaser(Release.HOLD_ALL, noting)
        holding.take(released)
        holding.rest()
    return noting.counts


def _inspected(past: PastCall, asked: ModelRequest, inventory: Inventory) -> Inspected | None:
    if not (past.now.inspected or (past.then and past.then.inspected)):
        return None
    return inspect(asked.body, finder(inventory, asked), (asked.model, *past.now.tools))


def _left(past: PastCall, found: Inspected) -> dict[str, str]:
    """Returns the values of classes that the path of then did not let leave and that stand in what was sent."""
    if past.then is None or not past.then.inspected:
        return {}  # nobody said then that anything must not leave
    kept_back = {
        text[one.start : one.end]: one.data_class
        for text, findings in _prose(found)
        for one in findings
        if past.then.handling.get(one.data_class) is not DataHandling.ALLOW
    }
    if not kept_back:
        return {}
    sent = [text for text, _ in _prose(inspect(past.sent.encode(), lambda _: ()))]
    return {value: name for value, name in kept_back.items() if any(_stands(value, text) for text in sent)}


def _prose(document: Inspected) -> Iterator[tuple[str, tuple[Finding, ...]]]:
    """Yields every text of a document that holds no further documents, with what was found in it."""
    for leaf in document.leaves:
        if not leaf.inside:
            yield leaf.text.text, leaf.findings
        for span in leaf.inside:
            if span.document:
                yield from _prose(span.document)
            else:
                yield leaf.text.text[span.start : span.end], span.findings


def _stands(value: str, text: str) -> bool:
    """Tells whether a value stands in a text by itself: a part of a longer word is another word."""
    at = text.find(value)
    while at >= 0:
        before, after = text[:at][-1:], text[at + len(value) :][:1]
        if not (_joins(before, value[0]) or _joins(value[-1], after)):
            return True
        at = text.find(value, at + 1)
    return False


def _joins(left: str, right: str) -> bool:
    return (left.isalnum() or left == "_") and (right.isalnum() or right == "_")


def _beyond(now: Mapping[str, int], then: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted((Counter(now) - Counter(dict(then))).items()))
