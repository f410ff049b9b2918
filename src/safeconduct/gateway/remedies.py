"""What would make a refused call pass, by code, where whoever refused did not say; and which rule of a path decided.

A remedy never quotes the request: it stands in the entry of a refusal, in clear.
"""

from collections.abc import Mapping

from safeconduct.kernel.errors import Kind, SafeconductError

_LEAVE_OUT = "leave out what is named, or use a path that takes it"
_MEND_JSON = "send the request as JSON of RFC 7493, as official clients do"
_SHAPE = "send only the shapes of docs/spec/dialects.md"
_RETRY = "retry; if it goes on, tell the operator"

REMEDIES: Mapping[str, str] = {
    "ambiguous-name": "name each field once, as the dialect spells it",
    "answer-lost": "make the call again, without the header safeconduct-approval",
    "body-not-an-object": _MEND_JSON,
    "body-not-json": _MEND_JSON,
    "body-not-utf8": _MEND_JSON,
    "body-too-deep": "nest less deeply",
    "call-cut": "make the call again",
    "call-unknown": "check the id, and ask as somebody of the organization that made the call",
    "content-not-allowed": _LEAVE_OUT,
    "data-class-in-name": _LEAVE_OUT,
    "dialect-not-allowed": "use a route whose dialect the path takes",
    "dialect-unknown": "use a route of docs/spec/dialects.md",
    "documents-not-allowed": _LEAVE_OUT,
    "duplicate-header": "send the header once",
    "duplicate-name": "name each member once",
    "header-invalid": "send a name of the program, or leave the header out",
    "history-out-of-sight": "send the history in the request itself",
    "images-not-allowed": _LEAVE_OUT,
    "lone-surrogate": _MEND_JSON,
    "messages-missing": "send at least one message or input",
    "method-not-allowed": "use the method that is named",
    "model-missing": "name a model of the path's models route",
    "model-unknown": "ask for a model that the path's models route lists",
    "number-too-large": "send smaller numbers",
    "path-unknown": "check the path's name, or an administrator applies a program with a grant on it",
    "principal-unknown": "an administrator applies a program that has this principal",
    "provider-side-tool": _LEAVE_OUT,
    "provider-outside-path": "the operator puts the upstreams file right; the caller can do nothing",
    "revoked": "have a token, grant, path, tier or model approval again, and call anew",
    "route-unknown": "use a route of docs/spec/call.md section 1",
    "standing-changed": "make the call again",
    "store-not-allowed": "leave out what asks the vendor to keep the call",
    "tokens-not-readable": "send texts instead of token numbers",
    "tool-call-not-offered": "ask again, and offer the function that the model is to call",
    "too-many-messages": "send fewer messages",
    "tools-not-allowed": "offer only functions that the path lists, or have these listed in the program",
    "unknown-shape": _SHAPE,
    "upstream-cut-stream": _RETRY,
    "upstream-timeout": "ask for less, or retry later",
    "vault-unavailable": "retry; the operator looks whether the data keys can be used",
    "version-not-taken": "send one of the versions that are named, or none",
    "wrong-content-type": "send content-type: application/json",
}
"""By code. Others say it where they are raised, or are the log's own: then the remedy of their kind holds."""

_BY_KIND: Mapping[Kind, str] = {
    Kind.INVALID: _SHAPE,
    Kind.TOO_LARGE: "send less",
    Kind.UNAUTHENTICATED: "give the client a token from `safeconduct token issue` as its API key",
    Kind.REFUSED: "ask the people who answer for the path, or appeal",
    Kind.ABSENT: "check the name",
    Kind.CONFLICT: "look at the state that is named, and ask again",
    Kind.LIMITED: "retry later",
    Kind.UNAVAILABLE: "retry; the operator sees why with `safeconduct doctor`",
    Kind.UPSTREAM: _RETRY,
}

_RULES: Mapping[str, str] = {
    "background-not-allowed": "history",
    "data-class-in-name": "handling",
    "data-class-refused": "handling",
    "data-class-unhandled": "handling",
    "documents-not-allowed": "media",
    "history-out-of-sight": "history",
    "images-not-allowed": "media",
    "provider-side-tool": "provider_tools",
    "store-not-allowed": "history",
    "tools-not-allowed": "tools",
}
"""The key of the path that decided, by the code of who reads and handles a request and knows no path."""


def remedy_of(error: SafeconductError) -> str:
    """Returns what would make the call pass; there is always something to say."""
    return error.remedy or REMEDIES.get(error.code) or _BY_KIND[error.kind]


def clause_of(error: SafeconductError, path: str) -> str:
    """Returns what decided: what the error says, else the path's rule, if it is one. Empty where none decided."""
    rule = _RULES.get(error.code)
    return error.clause or (f"path:{path}/{rule}" if rule and path else "")
