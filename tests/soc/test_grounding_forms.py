"""Rule 2: a quote may differ from the stored value in the form that it declares, and only where the field has it."""

from dataclasses import replace

import pytest

from safeconduct.soc.claims import Author, AuthorKind, make_claim
from safeconduct.soc.grounding import Context, Shown, check
from safeconduct.soc.grounding.forms import agrees, form_of
from safeconduct.soc.predicates import Evidence, Form, Observation
from safeconduct.soc.wording import shown
from support.soc_world import TECHNIQUES, with_field, world

AUTHOR = Author(kind=AuthorKind.MODEL, name="m", version="1")
CMD = r"C:\Windows\System32\cmd.exe"
SHARE = r"\\srv01\c$\x.exe"
SHA = "A94A8FE5CCB19BA61C4C0873D391E987982FBBD3"
LONG = "powershell " + "a" * 100
BIDI = "invoice\u202efdp.exe"

SAME = [
    (Form.PATH, "Image", CMD, "c:/windows/system32/CMD.exe"),
    (Form.PATH, "Image", CMD, r"C:\\Windows\\System32\\cmd.exe"),
    (Form.PATH, "TargetFilename", SHARE, r"\\\\srv01\\c$\\x.exe"),
    (Form.PATH, "TargetObject", r"HKLM\Software\Run\x", "hklm/software/run/x"),
    (Form.NAME, "Computer", "WKS01.Corp.Example", "wks01.corp.example."),
    (Form.HASH, "sha1", SHA, SHA.lower()),
    (Form.ADDRESS, "ip", "2001:db8::7", "2001:DB8:0:0:0:0:0:7"),
    (Form.ADDRESS, "ip", "203.0.113.66", "::ffff:203.0.113.66"),
    (Form.SHOWN, "CommandLine", LONG, shown(LONG)),
    (Form.SHOWN, "file", BIDI, shown(BIDI)),
]
OTHER = [
    (Form.EXACT, "Image", CMD, CMD.lower()),
    (Form.NAME, "Image", CMD, CMD.lower()),
    (Form.PATH, "Image", CMD, r"C:\Windows\SysWOW64\cmd.exe"),
    (Form.PATH, "Image", CMD, r"C:\Windows\System32\\cmd.exe"),  # doubled in one place is another text
    (Form.PATH, "CommandLine", r"C:\x.exe SGVsbG8=", r"c:\x.exe sgvsbg8="),  # arguments tell letters apart
    (Form.PATH, "path", "/usr/bin/Id", "/usr/bin/id"),  # and so do paths elsewhere
    (Form.NAME, "user", "Ana", "ana"),
    (Form.NAME, "Computer", "WKS01", "WKS02"),
    (Form.HASH, "sha1", SHA, SHA[:-1] + "4"),
    (Form.HASH, "sha1", SHA[:-1], SHA[:-1].lower()),
    (Form.ADDRESS, "ip", "203.0.113.66", "203.0.113.67"),
    (Form.ADDRESS, "text", "from 2001:DB8::7", "from 2001:db8::7"),
    (Form.SHOWN, "CommandLine", LONG, LONG[:60] + "…"),
    (Form.SHOWN, "CommandLine", LONG, LONG[:79]),
    (Form.PATH, "port", 22, "022"),
]


def piece(form, field, quote):
    return Evidence(event="0" * 32, pointer=f"/raw/{field}", quote=quote, form=form)


@pytest.mark.parametrize(("form", "field", "stored", "quote"), SAME)
def test_a_value_in_a_declared_form_is_the_value(form, field, stored, quote):
    assert agrees(piece(form, field, quote), stored)
    assert not agrees(piece(Form.EXACT, field, quote), stored)


@pytest.mark.parametrize(("form", "field", "stored", "quote"), OTHER)
def test_everything_else_is_another_value(form, field, stored, quote):
    assert not agrees(piece(form, field, quote), stored)


@pytest.mark.parametrize(("form", "field", "stored", "quote"), [one for one in SAME if one[0] is not Form.SHOWN])
def test_each_field_has_its_form(form, field, stored, quote):
    assert form_of(f"/raw/{field}", stored) is form


def test_a_command_line_and_a_number_are_quoted_as_they_are():
    assert form_of("/raw/CommandLine", CMD + " /c Echo") is Form.EXACT
    assert form_of("/raw/port", 22) is Form.EXACT


def test_the_checker_takes_a_declared_form_and_the_id_covers_it():
    here = world(1)
    event = here.incident.events[0]
    events = {**here.events, event: with_field(here.events[event], "/raw", {"Computer": "WKS01"})}
    context = Context(incident=here.incident, events=events, shown=Shown.whole(events), techniques=TECHNIQUES)
    plain = Evidence(event=event, pointer="/raw/Computer", quote="wks01")
    claims = [
        make_claim(here.incident.id, AUTHOR, Observation(field=one)) for one in (plain, replace(plain, form=Form.NAME))
    ]
    assert [check(one, context).reason.code for one in claims] == ["quote-differs", "grounded"]
    assert claims[0].id != claims[1].id
