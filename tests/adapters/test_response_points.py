"""Points over HTTP and on disk, and the file that names them: told twice they do it once, undone they are as before."""

import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from safeconduct.adapters.memory.points import MemoryPoint
from safeconduct.adapters.notifiers.web import signing_secret
from safeconduct.adapters.responses.asking import Site
from safeconduct.adapters.responses.edr import EdrBridge
from safeconduct.adapters.responses.file import FILE, make_points
from safeconduct.adapters.responses.quarantine import Quarantine
from safeconduct.adapters.responses.tickets import Jira
from safeconduct.adapters.responses.webhook import ResponseWebhook
from safeconduct.kernel.errors import InvalidInputError, RefusedError, SafeconductError, UnavailableError
from safeconduct.kernel.ids import ActionId, IncidentId
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.soc.actions.ports import Order
from support.edr import SECRET, Edr, JiraServer, Receiver, serving


def order(target="web-01", kind="isolate-host", action="01JD0000000000000000000001"):
    return Order(
        action=ActionId(action),
        kind=kind,
        target=target,
        incident=IncidentId("i"),
        until=Instant(seconds(2_000_000_000)),
    )


class Clock:
    def now(self):
        return Instant(int(time.time() * 1_000_000))


@contextmanager
def memory(_folder):
    yield MemoryPoint(), order("203.0.113.66", "drop-ip")


@contextmanager
def quarantine(folder):
    (folder / "vault").mkdir()
    path = folder / "srv" / "dropped"
    path.parent.mkdir()
    path.write_bytes(b"#!/bin/sh\n")
    path.chmod(0o755)
    yield Quarantine("web-01", [folder / "srv"], folder / "vault"), order(f"web-01:{path}", "quarantine-file")


@contextmanager
def edr(_folder):
    with serving(Edr(polls=2)) as url:
        yield EdrBridge(Site(url, {"authorization": "Bearer edr-token"}), look_s=0.0), order()


@contextmanager
def webhook(_folder):
    with serving(Receiver()) as url:
        yield ResponseWebhook(Site(url), signing_secret(SECRET), Clock()), order("host:web-01", "call-webhook")


@contextmanager
def jira(_folder):
    with serving(JiraServer()) as url:
        yield (
            Jira(Site(url, {"authorization": "Bearer jira-token"}), "SOC", "Task"),
            order("host:web-01", "open-ticket"),
        )


@pytest.mark.parametrize("place", [memory, quarantine, edr, webhook, jira])
def test_what_every_point_promises(place, tmp_path):
    with place(tmp_path) as (point, one):
        before = point.look(one)
        assert not before.held
        for _ in range(2):
            point.apply(one, before)
            assert point.look(one).held
        for _ in range(2):
            point.undo(one, before)
        assert point.look(one) == before


def refusal(call, *arguments):
    with pytest.raises(SafeconductError) as caught:
        call(*arguments)
    return caught.value.code


def test_a_file_is_moved_whole_and_comes_back_as_it_was(tmp_path):
    with quarantine(tmp_path) as (point, one):
        path = Path(one.target.partition(":")[2])
        before, was = point.look(one), path.stat()
        point.apply(one, before)
        kept = point.vault / one.action
        assert (path.exists(), kept.stat().st_mode & 0o777) == (False, 0)
        point.undo(one, before)
        assert (path.read_bytes(), path.stat().st_mode, path.stat().st_ino) == (b"#!/bin/sh\n", was.st_mode, was.st_ino)
        assert not kept.exists()


def test_a_file_that_changed_since_it_was_looked_at_is_left_alone(tmp_path):
    with quarantine(tmp_path) as (point, one):
        before = point.look(one)
        Path(one.target.partition(":")[2]).write_bytes(b"another")
        assert refusal(point.apply, one, before) == "file-changed"


def test_what_came_to_its_place_meanwhile_is_never_overwritten(tmp_path):
    with quarantine(tmp_path) as (point, one):
        path, before = Path(one.target.partition(":")[2]), point.look(one)
        point.apply(one, before)
        path.write_bytes(b"another")
        assert refusal(point.apply, one, before) == "file-came-back"
        assert refusal(point.undo, one, before) == "place-taken"
        assert path.read_bytes() == b"another"


@pytest.mark.parametrize("how", ["the name", "the way"])
def test_no_link_leads_out_of_the_folders(tmp_path, how):
    with quarantine(tmp_path) as (point, _):
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "precious").write_bytes(b"x")
        if how == "the name":
            (tmp_path / "srv" / "link").symlink_to(outside / "precious")
            target = tmp_path / "srv" / "link"
        else:
            (tmp_path / "srv" / "way").symlink_to(outside)
            target = tmp_path / "srv" / "way" / "precious"
        with pytest.raises((RefusedError, OSError)):
            point.look(order(f"web-01:{target}", "quarantine-file"))
        assert (outside / "precious").read_bytes() == b"x"


@pytest.mark.parametrize("target", ["web-02:{srv}/dropped", "web-01:{srv}/../vault/x", "web-01:/etc/passwd"])
def test_only_files_of_this_host_below_its_folders_are_moved(tmp_path, target):
    with quarantine(tmp_path) as (point, _):
        assert refusal(point.look, order(target.format(srv=tmp_path / "srv"), "quarantine-file")) in {
            "not-served", "folder-unreadable", "file-absent",
        }  # fmt: skip


def test_a_host_that_takes_too_long_is_told_as_unknown():
    with serving(Edr(polls=10_000)) as url:
        point = EdrBridge(Site(url, {"authorization": "Bearer edr-token"}), settle_s=0.0)
        point.apply(order(), point.look(order()))
        assert refusal(point.look, order()) == "edr-isolating"


def test_an_answer_that_refuses_and_one_that_breaks_are_told_apart():
    for status, error in ((403, RefusedError), (302, RefusedError), (429, UnavailableError), (500, UnavailableError)):
        with serving(lambda *_given, status=status: (status, None)) as url, pytest.raises(error) as caught:
            EdrBridge(Site(url)).look(order())
        assert caught.value.code == f"point-answered-{status}"
    with pytest.raises(UnavailableError):
        EdrBridge(Site("http://127.0.0.1:1")).look(order())


def test_a_token_is_not_sent_in_the_clear_beyond_this_machine():
    assert refusal(Site, "http://edr.example/") == "destination-unencrypted"


def test_a_ticket_whose_answer_got_lost_is_found_again():
    server = JiraServer()
    with serving(server) as url:
        point, one = Jira(Site(url, {"authorization": "Bearer jira-token"}), "SOC", "Task"), order(kind="open-ticket")
        before = point.look(one)
        point.apply(one, before)
        point.apply(one, before)
        assert len(server.issues) == 1


POINTS = """
[points.edge-1]
kind = "nftables"
[points.people]
kind = "ldap"
url = "ldap://127.0.0.1:389"
bind = "cn=x"
base = "dc=x"
sessions-base = "ou=s"
password-env = "X"
[points.files]
kind = "quarantine"
host = "web-01"
roots = ["/srv"]
vault = "/var/quarantine"
[points.soar]
kind = "webhook"
url = "https://soar.example/in"
kinds = ["call-webhook", "isolate-host"]
secret-env = "X"
[points.edr]
kind = "edr"
url = "https://edr.example"
token-env = "X"
[points.desk]
kind = "jira"
url = "https://jira.example"
token-env = "X"
project = "SOC"
"""


def test_a_file_names_the_points_of_every_kind(tmp_path):
    (tmp_path / FILE).write_text(POINTS)
    found = make_points(tmp_path / FILE, lambda _variable, _file: SECRET, Clock())
    assert sorted(found) == [
        ("desk", "open-ticket"), ("edge-1", "drop-ip"), ("edr", "isolate-host"), ("files", "quarantine-file"),
        ("people", "disable-user"), ("people", "end-sessions"), ("soar", "call-webhook"), ("soar", "isolate-host"),
    ]  # fmt: skip
    assert SECRET not in repr(found)
    assert make_points(tmp_path / "none.toml", lambda *_: "", Clock()) == {}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('kind = "nftables"', 'kind = "iptables"'), ('url = "ldap://127.0.0.1:389"', 'url = "ldap://ldap.example:389"'),
        ('roots = ["/srv"]', 'roots = ["srv"]'), ('roots = ["/srv"]', 'roots = ["/srv/../etc"]'),
        ("[points.edge-1]", "[points.Edge]"), ('project = "SOC"', 'projekt = "SOC"'), ("[points.desk]", "[points.desk"),
    ],
)  # fmt: skip
def test_a_file_of_another_form_is_refused(tmp_path, old, new):
    assert old in POINTS
    (tmp_path / FILE).write_text(POINTS.replace(old, new, 1))
    with pytest.raises(InvalidInputError) as caught:
        make_points(tmp_path / FILE, lambda _variable, _file: SECRET, Clock())
    assert caught.value.code == "points-invalid"
