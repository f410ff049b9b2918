"""A server with lines, spans and metrics: each tells of calls, none of what was said, by whom, or with which key."""

import json
import shutil
from pathlib import Path

import pytest

from safeconduct.adapters.log_lines import LineFormat, Lines
from safeconduct.adapters.spans import Spans
from safeconduct.gateway.observing import EndedCall
from safeconduct.kernel.instants import Instant
from support.collector import collecting, said
from support.patience import PATIENCE_S
from support.ports import silent_port
from support.serve_calls import ROUTE, asked, bearer, chat
from support.shell import House, agreed, serving, until
from support.talker import talking

MARK = "marked7f3a"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return agreed(tmp_path_factory.mktemp("template") / "house", upstream="custom", model="m")[0]


def test_lines_spans_and_metrics_tell_of_calls_and_hold_nothing_that_was_said(template, tmp_path):
    shutil.copytree(template.root, tmp_path / "house")
    house, log = House(tmp_path / "house"), tmp_path / "server"
    with talking() as model, collecting() as collector:
        words = ("--model", model.url, "--log-format", "json", "--otel", collector.url)
        with serving(house.data, *words, log=log) as (_, address):
            token = bearer(house)
            marked = [{"role": "user", "content": MARK}]
            assert asked(address.url, "POST", ROUTE, chat(messages=marked), token | {"traceparent": TRACE})[0] == 200
            assert asked(address.url, "POST", ROUTE, chat(model=MARK), token)[0] == 403
            assert asked(address.url, "POST", ROUTE.replace("soc-triage", MARK), chat(), token)[0] == 404
            assert asked(address.url, "POST", ROUTE, chat(), {"authorization": f"Bearer {MARK}"})[0] == 401
            assert asked(address.url, "POST", ROUTE, MARK.encode(), token)[0] == 400
            model.say = {MARK: MARK}
            assert asked(address.url, "POST", ROUTE, chat(messages=marked), token)[0] == 502
            until(lambda: len(collector.spans) == 2)
            metrics = asked_text(address)
        lines = Path(f"{log}.err").read_text()
    everything = lines + Path(f"{log}.out").read_text() + metrics + collector.raw.decode("latin-1")
    for secret in (MARK, token["authorization"][-20:], address.secret, model.url.removeprefix("http://")):
        assert secret not in everything
    good, bad = sorted(collector.spans, key=lambda span: span.start_time_unix_nano)
    assert (good.name, good.trace_id.hex(), good.parent_span_id.hex()) == ("chat m", TRACE[3:35], TRACE[36:52])
    told = said(good)
    assert (told["gen_ai.operation.name"], told["gen_ai.request.model"]) == ("chat", "m")
    assert told["safeconduct.path"] == "soc-triage"
    assert "error.type" not in told
    assert said(bad)["error.type"].startswith("upstream-")
    events = [json.loads(line) for line in lines.splitlines() if line.startswith("{")]
    assert {one["event"] for one in events} >= {"call ended", "request refused"}
    assert told["safeconduct.call"] in {one.get("call") for one in events}
    assert "ana" not in {one.get("principal") for one in events}


def asked_text(address):
    import urllib.request

    request = urllib.request.Request(f"{address.url}/metrics", headers={"authorization": f"Bearer {address.secret}"})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return answer.read().decode()


def call(**more):
    told = dict.fromkeys(("path", "upstream", "model", "end", "why", "trace"), "x") | {"call": "c", "began_at": 0}
    told |= {"dialect": "openai.embeddings", "seconds": 0.5, "first_s": None, "attempt": 1, "finish_reason": None}
    told |= {"prompt_tokens": None, "completion_tokens": 7, "notices": ()} | more
    return EndedCall(**told)


def test_a_server_whose_paths_have_no_model_server_is_not_ready_and_says_so(template, tmp_path):
    shutil.copytree(template.root, tmp_path / "house")
    with serving(House(tmp_path / "house").data) as (_, address):
        status, document = asked(address.url, "GET", "/readyz")
    assert (status, document["unready"]) == (503, ["upstream-missing"])


def test_a_collector_that_is_away_loses_spans_that_are_counted_and_holds_up_nothing():
    with silent_port() as port:
        spans = Spans(f"http://127.0.0.1:{port}", {})
        spans.ended(call())
        spans.stop()
    assert spans.lost == 1


def test_a_span_says_operation_and_tokens_and_takes_no_parent_that_is_none():
    with collecting() as collector:
        spans = Spans(collector.url, {"x": "openai"})
        spans.ended(call(end="cut", why="freeze", trace="00-zz"))
        spans.stop()
    (span,) = collector.spans
    told = said(span)
    assert (span.name, span.parent_span_id) == ("embeddings x", b"")
    assert (told["gen_ai.provider.name"], told["gen_ai.usage.output_tokens"]) == ("openai", 7)
    assert told["error.type"] == "freeze"
    assert span.end_time_unix_nano - span.start_time_unix_nano == 500_000_000


def test_what_a_library_raised_is_told_by_its_type_and_lines_stay_lines():
    import logging

    record = logging.LogRecord("x", logging.WARNING, "", 0, "two\nlines", (), (ValueError, ValueError(MARK), None))
    for form in LineFormat:
        line = Lines(form, lambda: Instant(0)).format(record)
        assert MARK not in line
        assert "\n" not in line
        assert "ValueError" in line
