"""A call's intent and outcome, as tests of the log need some."""

from safeconduct.gateway.events import CallEnded, CallIntended
from safeconduct.gateway.moves import End, Release
from safeconduct.kernel.instants import Instant

INTENT = CallIntended(
    principal="ana", organization="northwind", grant="ana-triage", agreement="ag-2026-01", path="soc-triage",
    path_digest="", purpose="incident-triage", model="m", model_version="m-1", dialect="openai.chat", upstream="local",
    region="unstated", retention="unstated", determining=("grant-covers-call",), policy_digest="p", epoch=1,
    targets_in_scope=0, targets_out_of_scope=1, request_sha256="r", request_bytes=11,
    sent_sha256="s", stream=False, output_tokens_max=5, deadline_at=Instant(0), worker="w",
)  # fmt: skip

ENDED = CallEnded(
    call="", end=End.COMPLETED, why="", clause="", attempt=1, status=200, release=Release.PASS, released_sha256="a",
    released_bytes=9, finish_reason="stop", prompt_tokens=3, completion_tokens=2, unaccounted=0, worker="w",
)  # fmt: skip
