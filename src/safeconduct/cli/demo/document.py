"""The document that `safeconduct demo --json` prints, filled as the story goes on."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Document:
    """What happened. Each part is filled by the step that makes it happen; `action` stays None without a response."""

    setup: dict[str, Any] = field(default_factory=dict)
    left_the_house: list[dict[str, Any]] = field(default_factory=list)
    incident: dict[str, Any] | None = None
    claims: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[dict[str, str]] = field(default_factory=list)
    action: dict[str, Any] | None = None
    freeze: dict[str, Any] = field(default_factory=dict)
    breaks: list[dict[str, Any]] = field(default_factory=list)
    log: dict[str, Any] = field(default_factory=dict)
    data: str = ""
    made_at: str = ""

    def refused(self, tried: str, code: str, clause: str) -> None:
        """Notes a refusal."""
        self.refusals.append({"try": tried, "code": code, "clause": clause})
