"""`/metrics` of a running server: who may read it, what it counts, and what no label says."""

import http.client
import os
import shutil
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from safeconduct.adapters.data_folder import running_server
from support import shell
from support.patience import PATIENCE_S, until
from support.serve_calls import ROUTE, asked, bearer, chat
from support.shell import House, agreed, serving, start
from support.talker import talking

TOKEN = "m" * 32
MARK = "marked-7f3a"
NAMES = ("SAFECONDUCT_DATABASE", "SAFECONDUCT_HEADS", "SAFECONDUCT_KEYS")


def scraped(url, token):
    """Returns status and text."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=PATIENCE_S)
    connection.request("GET", "/metrics", headers={"authorization": f"Bearer {token}"})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


def sample(text, name, **labels):
    """Returns the sum of the samples with these labels."""
    found = [one for family in text_string_to_metric_families(text) for one in family.samples if one.name == name]
    return sum(one.value for one in found if labels.items() <= one.labels.items())


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return agreed(tmp_path_factory.mktemp("template") / "house", upstream="custom", model="m")[0]


@pytest.fixture(scope="module")
def served(template, tmp_path_factory):
    root = tmp_path_factory.mktemp("served") / "house"
    shutil.copytree(template.root, root)
    house = House(root)
    with pytest.MonkeyPatch.context() as patch, talking() as model:
        patch.setattr(shell, "environment", with_token(shell.environment))
        with serving(house.data, "--model", model.url) as (_, address):
            yield SimpleNamespace(house=house, url=address.url, secret=address.secret, token=bearer(house))


def with_token(plain):
    return lambda *given: plain(*given) | {"SAFECONDUCT_METRICS_TOKEN": TOKEN}


def test_only_who_shows_the_secret_or_the_token_reads(served):
    assert scraped(served.url, served.secret)[0] == 200
    assert scraped(served.url, TOKEN)[0] == 200
    for stranger in ("", "x", TOKEN[:-1], served.token["authorization"].removeprefix("Bearer ")):
        assert scraped(served.url, stranger)[0] == 401


def test_it_counts_calls_refusals_and_strangers_and_names_nobody(served):
    assert asked(served.url, "POST", ROUTE, chat(messages=[{"role": "user", "content": MARK}]), served.token)[0] == 200
    assert asked(served.url, "POST", ROUTE, chat(model=MARK), served.token)[0] == 403
    assert asked(served.url, "POST", ROUTE.replace("soc-triage", MARK), chat(), served.token)[0] == 404
    assert asked(served.url, "POST", ROUTE, chat(), {"authorization": f"Bearer {MARK}"})[0] == 401
    text = until(lambda: counted(served))
    by = {"path": "soc-triage", "upstream": "custom"}
    assert sample(text, "safeconduct_calls_total", dialect="openai.chat", end="completed", **by) == 1
    assert sample(text, "safeconduct_refusals_total", path="soc-triage", code="model-not-allowed") == 1
    assert sample(text, "safeconduct_refusals_total", path="unknown", code="path-unknown") == 1
    assert sample(text, "safeconduct_unauthenticated_total") == 1
    assert sample(text, "safeconduct_call_seconds_count", **by) == 1
    assert sample(text, "safeconduct_first_byte_seconds_count", **by) == 1
    assert sample(text, "safeconduct_calls_running") == 0
    assert sample(text, "safeconduct_standing_epoch") > 0
    assert sample(text, "safeconduct_log_entries", log="safeconduct.example/demo/installation") > 0
    assert sample(text, "safeconduct_log_stopped") == 0
    assert sample(text, "safeconduct_sequenced") == 1
    for secret in (MARK, "ana", served.secret, TOKEN, served.token["authorization"][-20:]):
        assert secret not in text


def counted(served):
    text = scraped(served.url, TOKEN)[1]
    over = sample(text, "safeconduct_calls_total") and not sample(text, "safeconduct_calls_running")
    return text if over else ""


def test_several_processes_count_together(tmp_path, postgres, monkeypatch):
    for name in NAMES:
        monkeypatch.setitem(os.environ, name, postgres.database())
    house = agreed(tmp_path / "house", upstream="custom", model="m")[0]
    words = ("serve", "--port", 0, "--no-local-model", "--workers", 2)
    with talking() as model, start(*words, "--model", model.url, data=house.data, log=tmp_path / "server") as process:
        until(lambda: running_server(house.data), process)
        server, token = running_server(house.data), bearer(house)
        for _ in range(20):  # each on a connection of its own, so both take some
            assert asked(server.url, "POST", ROUTE, chat(), token)[0] == 200
        until(lambda: done(server) == 20, process, says="their counts in one text, which come after the answers")


def done(server):
    return sample(scraped(server.url, server.secret)[1], "safeconduct_calls_total", end="completed")
