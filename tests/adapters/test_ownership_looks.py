"""Challenges are looked up in a real DNS and over real HTTP, and nobody aims a look elsewhere."""

import pytest

from safeconduct.access.ownership import AuthorizationKind, Question, challenge_text
from safeconduct.adapters.ownership.dns_txt import LABEL, TxtLookup
from safeconduct.adapters.ownership.http_file import FILE_BYTES_MAX, WELL_KNOWN, FileFetch
from support.ports import silent_port
from support.zone import file_server, name_server

TEXT = challenge_text("safeconduct.example/demo/ag", "perimeter", "T" * 43)
NAME = f"{LABEL}.corp.example"


def asked(kind=AuthorizationKind.DNS_TXT, asset="corp.example", scheme="http"):
    return Question(kind=kind, asset=asset, scheme=scheme, token="T", text=TEXT)


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        ({NAME: [TEXT]}, ""),
        ({NAME: ["v=spf1 -all", TEXT]}, ""),
        ({NAME: [TEXT[:-1]]}, "record-differs"),
        ({NAME: [TEXT + " "]}, "record-differs"),
        ({NAME: []}, "record-missing"),
        ({"corp.example": [TEXT], f"{LABEL}.example": [TEXT]}, "record-missing"),
    ],
)
def test_a_record_has_the_text_and_nothing_else(records, problem):
    with name_server(records) as resolver:
        seen = TxtLookup([resolver]).look(asked())
    assert (seen.problem, TEXT[:-1] in seen.what) == (problem, problem in ("", "record-differs"))
    assert seen.where.startswith(f"TXT {NAME}")


def test_a_resolver_that_is_silent_is_a_failure_and_no_proof():
    with name_server({NAME: [TEXT]}, silent=True) as resolver:
        assert TxtLookup([resolver], timeout_s=0.2).look(asked()).problem == "dns-failed"


def test_a_zone_without_room_for_the_label_is_a_failure_that_ends_the_look():
    longest = ".".join(["a" * 60] * 4)
    assert TxtLookup([("127.0.0.1", 1)], timeout_s=0.2).look(asked(asset=longest)).problem == "dns-failed"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ((200, {}, TEXT.encode()), ""),
        ((200, {}, TEXT.encode() + b"\n"), ""),
        ((200, {}, TEXT.encode() + b"x"), "file-differs"),
        ((200, {}, b" " * (FILE_BYTES_MAX - len(TEXT)) + TEXT.encode()), ""),
        ((200, {}, b" " * (FILE_BYTES_MAX - len(TEXT) + 1) + TEXT.encode()), "file-too-large"),
        ((302, {"location": "/there"}, TEXT.encode()), "file-answered-302"),
        ((404, {}, TEXT.encode()), "file-answered-404"),
    ],
)
def test_a_file_is_the_text_and_a_redirect_is_somebody_elses_word(answer, problem):
    with file_server({f"{WELL_KNOWN}T": answer, "/there": (200, {}, TEXT.encode())}) as (port, hosts):
        fetch = FileFetch(private=True, ports={"http": port}, resolve=lambda *_: ["127.0.0.1"])
        seen = fetch.look(asked(AuthorizationKind.HTTP_FILE))
    assert seen.problem == problem
    assert hosts == [f"corp.example:{port}"]


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["0.0.0.0"],  # noqa: S104 - an address that is refused
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["fe80::1%eth0"],
        ["fd00::1"],
        ["fec0::1"],
        ["::7f00:1"],
        ["::ffff:0:7f00:1"],
        ["64:ff9b::7f00:1"],
        ["64:ff9b::a9fe:a9fe"],
        ["64:ff9b:1::a00:1"],
        ["2002:7f00:1::"],
        ["224.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        [],
    ],
)
def test_a_name_that_leads_to_an_address_that_is_not_public_is_not_fetched(addresses):
    with file_server({f"{WELL_KNOWN}T": (200, {}, TEXT.encode())}) as (port, hosts):
        fetch = FileFetch(ports={"http": port}, resolve=lambda *_: addresses)
        assert fetch.look(asked(AuthorizationKind.HTTP_FILE)).problem == "address-not-public"
    assert hosts == []


def test_a_name_is_resolved_once_so_that_it_can_not_mean_another_host_a_moment_later():
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    with file_server({f"{WELL_KNOWN}T": (200, {}, TEXT.encode())}) as (port, _):
        fetch = FileFetch(private=True, ports={"http": port}, resolve=lambda *_: next(answers))
        assert fetch.look(asked(AuthorizationKind.HTTP_FILE)).problem == ""
    assert next(answers) == ["10.0.0.1"]


def test_a_file_that_breaks_off_and_a_host_that_is_not_there_are_no_proof():
    with file_server({f"{WELL_KNOWN}T": (200, {"content-length": "900"}, TEXT[:-1].encode())}) as (port, _):
        cut = FileFetch(private=True, ports={"http": port}, resolve=lambda *_: ["127.0.0.1"])
        assert cut.look(asked(AuthorizationKind.HTTP_FILE)).problem == "file-differs"
    with silent_port() as port:
        gone = FileFetch(private=True, ports={"http": port}, resolve=lambda *_: ["127.0.0.1"])
        assert gone.look(asked(AuthorizationKind.HTTP_FILE)).problem == "file-unreachable"
