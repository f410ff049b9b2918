"""What the log says of decided calls, as replay takes it (policy.replaying): each with what its policies were asked.

Names of targets are sealed, so each set of them that is not empty has one placeholder in it.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol

from safeconduct.access.admissions import PROBE
from safeconduct.access.authorization import CALL, TARGETS
from safeconduct.access.data_handling import UNLABELED
from safeconduct.access.model.paths import SealedPath
from safeconduct.gateway.events import CALL_INTENT, CALL_REFUSED, CallIntended, CallRefused, Judged, Stated
from safeconduct.kernel.entries import Entry
from safeconduct.policy import EntityUid, PolicyRequest, Value
from safeconduct.policy.replaying import POLICY_CODES, Decided, NotReplayed, Why

PLACEHOLDER = frozenset(("sealed",))
"""Stands for names that are not known. Only that there are some is looked at."""


class Past(Protocol):
    """What is known of calls beside their entries."""

    def path(self, path_id: str, digest: str) -> SealedPath | None:
        """Returns a version of a path."""
        ...

    def destroyed(self, entry: Entry) -> bool:
        """Tells whether a sealed field of an entry was destroyed."""
        ...


def decided_calls(entries: Iterable[Entry], past: Past) -> Iterator[Decided | NotReplayed]:
    """Yields each call among the entries on which policies decided, and those that can't be replayed."""
    for entry in entries:
        if entry.type == CALL_INTENT.name:
            yield _kept(entry, past) or _allowed(entry, CALL_INTENT.read(entry), past)
        elif entry.type == CALL_REFUSED.name:
            event = CALL_REFUSED.read(entry)
            if event.unrecorded:
                yield NotReplayed(call=entry.id, why=Why.UNRECORDED, count=event.unrecorded)
            if event.policy_digest:
                yield from _refused(entry, event, past)


def _kept(entry: Entry, past: Past) -> NotReplayed | None:
    return NotReplayed(call=entry.id, why=Why.DESTROYED) if past.destroyed(entry) else None


def _allowed(entry: Entry, event: CallIntended, past: Past) -> Decided | NotReplayed:
    path = past.path(event.path, event.path_digest)
    model = next((one.name for one in path.catalogue if one.version == event.model_version), None) if path else None
    if model is None:
        return NotReplayed(call=entry.id, why=Why.UNSTATED)
    mentioned = event.targets_mentioned
    context: dict[str, Stated] = {
        "purpose": path.purpose
        if path and event.purpose == PROBE
        else event.purpose,  # as policies are asked of probes
        "model": model,
        "grant": event.grant,
        "window_open": True,  # or the floor would have refused it; the next two as well
        "agreement_valid": True,
        "frozen": False,
        "data_classes": tuple(event.data_classes) or (UNLABELED,),
        **dict(zip(TARGETS, (event.targets_in_scope, event.targets_out_of_scope - mentioned, mentioned), strict=True)),
    }
    return _decided(entry, event, Judged(epoch=event.epoch, context=context), frozenset())


def _refused(entry: Entry, event: CallRefused, past: Past) -> Iterator[Decided | NotReplayed]:
    # What refused a call that the policies permitted, such as a budget, is no more theirs than the floor is.
    codes = frozenset(one.split(" ", 1)[0] for one in event.against) or frozenset((event.code,))
    if event.judged is not None:
        yield _kept(entry, past) or _decided(entry, event, event.judged, codes)
    elif codes & POLICY_CODES or event.determining:  # else there was nothing to ask the policies about
        yield NotReplayed(call=entry.id, why=Why.UNSTATED)


def _decided(entry: Entry, event: CallIntended | CallRefused, judged: Judged, codes: frozenset[str]) -> Decided:
    return Decided(
        call=entry.id,
        at=entry.at,
        request=PolicyRequest(
            principal=EntityUid("Principal", event.principal),
            action=CALL,
            resource=EntityUid("Path", event.path),
            context={name: _asked(name, value) for name, value in judged.context.items()},
        ),
        epoch=judged.epoch,
        policies=event.policy_digest,
        opaque=frozenset(name for name in TARGETS if judged.context[name]),
        floor=codes - POLICY_CODES,
        codes=codes & POLICY_CODES,
        determining=frozenset(event.determining),
    )


def _asked(name: str, stated: Stated) -> Value:
    if name in TARGETS:
        return PLACEHOLDER if stated else frozenset()
    if name == "grant":
        return EntityUid("Grant", str(stated))
    return frozenset(stated) if isinstance(stated, tuple) else stated
