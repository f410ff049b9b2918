"""What OpenAI's responses may answer: whole, or as typed events of which only those with a reading come out.

The vendor adds types of events and items. An item that nobody offered is no answer; an event that nobody here reads is
left out, because the last event repeats the whole answer and is read.
"""

import re

import msgspec

from safeconduct.gateway.dialects.model import AnswerFacts, ModelRequest, bounded_count
from safeconduct.gateway.dialects.sse import KEEP_ALIVE, Frames, data_frame, payload
from safeconduct.gateway.errors import failed_answering, no_answer, not_offered
from safeconduct.gateway.limits import RESPONSE_FRAME_BYTES_MAX, TOOL_CALLS_MAX
from safeconduct.gateway.vendor_outcomes import merged, refused

_ABSENT = msgspec.Raw()
_NOTHING = (b"", b"null")
_LAST = frozenset(("response.completed", "response.incomplete"))
_WITH_RESPONSE = _LAST | {"response.created", "response.in_progress", "response.queued"}
_WITH_ITEM = frozenset(("response.output_item.added", "response.output_item.done"))
_ARGUMENTS = frozenset(("response.function_call_arguments.delta", "response.function_call_arguments.done"))
_TEXT_WORDS = (
    "content_part.added content_part.done output_text.delta output_text.done output_text.annotation.added refusal.delta"
    " refusal.done reasoning_summary_part.added reasoning_summary_part.done reasoning_summary_text.delta"
    " reasoning_summary_text.done reasoning_text.delta reasoning_text.done"
)
_TEXT = frozenset(f"response.{word}" for word in _TEXT_WORDS.split())
_NAME = re.compile(r"[a-z0-9_.]{1,64}")
_ITEMS = frozenset(("message", "reasoning"))
_STOPPED = {"max_output_tokens": "length", "content_filter": "content_filter"}


class _Part(msgspec.Struct):
    type: str | None = None


class _Item(msgspec.Struct):
    type: str
    name: str | None = None
    content: list[_Part] | None = None


class _Stopped(msgspec.Struct):
    reason: str | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None


class _Response(msgspec.Struct):
    model: str | None = None
    status: str | None = None
    output: list[_Item] | None = None
    incomplete_details: _Stopped | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = _ABSENT


class _Event(msgspec.Struct):
    type: str
    output_index: int | None = None
    item: _Item | None = None
    response: _Response | None = None
    error: msgspec.Raw = _ABSENT


_decode_response = msgspec.json.Decoder(_Response).decode
_decode_event = msgspec.json.Decoder(_Event).decode


def read_response_answer(body: bytes, request: ModelRequest) -> AnswerFacts:
    """Reads a whole JSON answer.

    Raises:
        UpstreamError: it is no response that has ended, or holds what `request` did not offer.
    """
    try:
        body.decode()
        response = _decode_response(body)
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError) as error:
        raise no_answer("it is no response in JSON") from error
    _check_response(response, request)
    return _ended(response)


class ResponseStream:
    """Reads a stream of typed events. It is whole with `response.completed` or `response.incomplete`."""

    def __init__(self, request: ModelRequest) -> None:
        self.facts = AnswerFacts()
        self.done = False
        self._request = request
        self._frames = Frames(RESPONSE_FRAME_BYTES_MAX)
        self._called: set[int | None] = set()  # the places of the calls whose arguments may come
        own = [f"response.{tool}_call" for tool in request.provider_tools]
        self._own = tuple(f"{name}{end}" for name in own for end in (".", "_"))

    def feed(self, data: bytes) -> bytes:
        """Returns the events that may be released now. After the last one nothing is.

        Raises:
            UpstreamError: an event is none of this dialect's, has no end, or tells that the answer failed.
        """
        return b"".join([self._frame(frame) for frame in self._frames.feed(data) if not self.done])

    def _frame(self, frame: bytes) -> bytes:
        data = payload(frame)
        if not data:
            return KEEP_ALIVE if frame.strip() else b""
        event = _read_event(data)
        known = event.type in _TEXT or event.type in _WITH_RESPONSE or event.type in _WITH_ITEM
        if not known and event.type not in _ARGUMENTS and not self._is_own(event.type):
            return b""
        self._check(event)
        return data_frame(data, event=event.type)

    def _is_own(self, name: str) -> bool:
        return name.startswith(self._own) and _NAME.fullmatch(name) is not None

    def _check(self, event: _Event) -> None:
        if event.type in _WITH_ITEM and event.item is None:
            raise no_answer("an item is missing")
        if event.item is not None:
            _check_item(event.item, self._request)
            if event.item.type == "function_call":
                self._called.add(event.output_index)
        if event.type in _ARGUMENTS and event.output_index not in self._called:
            raise not_offered()
        if len(self._called) > TOOL_CALLS_MAX:
            raise no_answer(f"it calls over {TOOL_CALLS_MAX} tools")
        if event.type in _WITH_RESPONSE and event.response is None:
            raise no_answer("an event has no response")
        if event.response is not None:
            _check_response(event.response, self._request, ended=event.type in _LAST)
        if event.type in _LAST and event.response is not None:
            self.facts, self.done = _ended(event.response), True


def _read_event(data: bytes) -> _Event:
    try:
        data.decode()
        event = _decode_event(data)
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError) as error:
        raise no_answer("it is no event in JSON") from error
    if event.type in ("error", "response.failed") or bytes(event.error) not in _NOTHING:
        raise failed_answering()
    return event


def _check_response(response: _Response, request: ModelRequest, *, ended: bool = True) -> None:
    if bytes(response.error) not in _NOTHING or response.status in ("failed", "cancelled"):
        raise failed_answering()
    if ended and response.output is None:
        raise no_answer("it has no output")
    if ended and response.status not in ("completed", "incomplete"):
        raise no_answer("it has not ended")
    if len(response.output or ()) > TOOL_CALLS_MAX:
        raise no_answer(f"it has over {TOOL_CALLS_MAX} items")
    for item in response.output or ():
        _check_item(item, request)


def _check_item(item: _Item, request: ModelRequest) -> None:
    if item.type == "function_call":
        if item.name not in request.tools:
            raise not_offered()
    elif item.type not in _ITEMS and item.type not in {f"{tool}_call" for tool in request.provider_tools}:
        raise not_offered()


def _ended(response: _Response) -> AnswerFacts:
    reason = _reason(response)
    notices = refused("content-filter") if reason == "content_filter" else ()
    parts = [part for item in response.output or () for part in item.content or ()]
    if any(part.type == "refusal" for part in parts):
        notices = merged(notices, refused("model"))
    usage = response.usage or _Usage()
    return AnswerFacts(
        model=response.model,
        finish_reason=reason,
        prompt_tokens=bounded_count(usage.input_tokens),
        completion_tokens=bounded_count(usage.output_tokens),
        notices=notices,
    )


def _reason(response: _Response) -> str:
    if response.status == "incomplete":
        stopped = response.incomplete_details or _Stopped()
        return _STOPPED.get(stopped.reason or "", "other")
    called = any(item.type == "function_call" for item in response.output or ())
    return "tool_calls" if called else "stop"
