"""Who approves what, and the bounds of responses."""

from dataclasses import dataclass

from safeconduct.approvals.model import Group


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRule:
    """All groups must approve. `subject` is what the rule is for, such as `response`."""

    subject: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsePlaybook:
    """When a response needs no vote: an alert showed one of these techniques, so many times an hour at most."""

    techniques: tuple[str, ...]
    per_hour: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseRule:
    """Bounds on one kind of response. `never` is what it must not touch, in the form of its targets.

    `blast_radius` bounds what actions of all kinds together hold, None where `active_max` alone does; `points` are
    where it takes effect; `hosts` those whose accounts are the directory's.
    """

    kind: str
    never: tuple[str, ...] = ()
    rate_per_hour: int = 0
    active_max: int = 0
    expires_s: int = 0
    blast_radius: int | None = None
    points: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    playbook: ResponsePlaybook | None = None
