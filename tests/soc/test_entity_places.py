"""Entities of Windows, cloud, sensors and findings: their one form, and what beside them says they are nobody's."""

import pytest

from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant
from safeconduct.soc.entities import Mention, mentions
from safeconduct.soc.inventory import NOTHING
from safeconduct.soc.joining import joiners
from safeconduct.soc.model import Entity, EntityKind, Event

GUID = "{39E4A257-40A6-5F8D-A005-000000000700}"
PLAIN = "39e4a257-40a6-5f8d-a005-000000000700"
SID = "S-1-5-21-3940915590-64593676-1414006259-500"
ARN = "arn:aws:iam::294599468799:user/christophe"
DEVICE = {"device": {"hostname": "WORKSTATION5"}}


def event(ocsf, raw=None):
    return Event(id=EventId("e" * 32), source="json", at=Instant(0), raw=raw or {}, ocsf={"class_uid": 1007} | ocsf)


def named(ocsf, kind, raw=None):
    return {one.entity.value for one in mentions(event(ocsf, raw)) if one.entity.kind is kind}


def joining(ocsf, kind, raw=None):
    return {one.entity.value for one in joiners(event(ocsf, raw), NOTHING) if one.entity.kind is kind}


@pytest.mark.parametrize(
    ("ocsf", "kind", "value"),
    [
        ({"process": {"uid": GUID}}, EntityKind.PROCESS, PLAIN),
        ({"process": {"parent_process": {"uid": GUID}}}, EntityKind.PROCESS, PLAIN),
        ({"actor": {"process": {"uid": GUID}}}, EntityKind.PROCESS, PLAIN),
        ({"user": {"uid": SID.lower()}}, EntityKind.USER, SID),
        ({"actor": {"user": {"uid": ARN}}}, EntityKind.USER, ARN),
        ({"actor": {"session": {"uid": "0xC61D9"}}, **DEVICE}, EntityKind.SESSION, "0xc61d9@workstation5"),
        ({"actor": {"user": {"credential_uid": "AKIA3EXAMPLE"}}}, EntityKind.CREDENTIAL, "AKIA3EXAMPLE"),
        ({"connection_info": {"uid": "CXWv6p3arKYeMETxOg"}}, EntityKind.CONNECTION, "CXWv6p3arKYeMETxOg"),
        ({"process": {"file": {"hashes": [{"value": "A" * 32}]}}}, EntityKind.HASH, "a" * 32),
    ],
)
def test_what_is_the_same_everywhere_joins_in_one_form(ocsf, kind, value):
    assert named(ocsf, kind) == joining(ocsf, kind) == {value}


@pytest.mark.parametrize(
    ("ocsf", "kind"),
    [
        ({"process": {"uid": "{00000000-0000-0000-0000-000000000000}"}}, EntityKind.PROCESS),
        ({"process": {"uid": "7"}}, EntityKind.PROCESS),
        ({"user": {"uid": "1001"}}, EntityKind.USER),
        ({"actor": {"session": {"uid": "0xC61D9"}}}, EntityKind.SESSION),
        ({"actor": {"session": {"uid": "0x0"}}, **DEVICE}, EntityKind.SESSION),
        ({"connection_info": {"uid": "17"}}, EntityKind.CONNECTION),
        ({"process": {"file": {"hashes": [{"value": "A" * 31}]}}}, EntityKind.HASH),
        ({"process": {"file": {"hashes": "A" * 32}}}, EntityKind.HASH),
    ],
)
def test_what_names_nothing_is_no_entity(ocsf, kind):
    assert named(ocsf, kind) == set()


@pytest.mark.parametrize(
    ("ocsf", "kind"),
    [
        ({"process": {"uid": GUID, "file": {"path": r"C:\Windows\System32\LSASS.exe"}}}, EntityKind.PROCESS),
        ({"process": {"uid": GUID, "name": "services.exe"}}, EntityKind.PROCESS),
        ({"process": {"pid": 77, "name": "svchost.exe"}, **DEVICE}, EntityKind.PROCESS),
        ({"user": {"uid": "S-1-5-18"}}, EntityKind.USER),
        ({"user": {"uid": SID, "name": "WEC$"}}, EntityKind.USER),
        ({"user": {"name": "NT AUTHORITY\\SYSTEM"}, **DEVICE}, EntityKind.USER),
        ({"actor": {"session": {"uid": "0x3e7"}}, **DEVICE}, EntityKind.SESSION),
        (
            {"process": {"file": {"path": r"C:\Windows\notepad.exe", "hashes": [{"value": "a" * 64}]}}},
            EntityKind.HASH,
        ),
    ],
)
def test_what_serves_everybody_is_named_and_joins_nobody(ocsf, kind):
    assert named(ocsf, kind)
    assert joining(ocsf, kind) == set()


def test_a_number_beside_a_guid_joins_nobody_and_alone_it_does():
    both = {"process": {"uid": GUID, "pid": 77}, **DEVICE}
    assert named(both, EntityKind.PROCESS) == {PLAIN, "77@workstation5"}
    assert joining(both, EntityKind.PROCESS) == {PLAIN}
    assert joining({"process": {"pid": 77}, **DEVICE}, EntityKind.PROCESS) == {"77@workstation5"}


def test_a_key_that_a_call_handed_out_is_found_where_it_stands():
    raw = {"responseElements": {"credentials": {"accessKeyId": "ASIA3EXAMPLE"}}}
    place = "/raw/responseElements/credentials/accessKeyId"
    assert Mention(Entity(EntityKind.CREDENTIAL, "ASIA3EXAMPLE"), place) in joiners(event({}, raw), NOTHING)


def test_findings_of_others_name_by_observables_and_other_events_do_not():
    seen = [
        {"type_id": 2, "value": "203.0.113.66"},
        {"type_id": 31, "value": SID},
        {"type_id": 5, "value": "Ana@Example.org"},
        {"type_id": 99, "value": "203.0.113.67"},
        {"type_id": 2, "value": 7},
        "none",
    ]
    found = mentions(event({"class_uid": 2004, "observables": seen}))
    assert [(one.entity.value, one.pointer) for one in found] == [
        ("203.0.113.66", "/ocsf/observables/0/value"),
        (SID, "/ocsf/observables/1/value"),
        ("ana@example.org", "/ocsf/observables/2/value"),
    ]
    assert mentions(event({"class_uid": 4001, "observables": seen})) == ()
    assert mentions(event({"class_uid": 2004, "observables": {"type_id": 2}})) == ()


SYSMON = {
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "SourceName": "Microsoft-Windows-Sysmon",
    "EventID": 1,
    "Hostname": "WORKSTATION5",
    "ProcessGuid": GUID,
    "ProcessId": "7256",
    "Image": r"C:\Users\wardog\PsExec.exe",
    "ParentProcessGuid": "{39e4a257-402f-5f8d-9905-000000000700}",
    "ParentImage": r"C:\Windows\System32\services.exe",
    "User": r"WORKSTATION5\wardog",
    "LogonId": "0xC61D9",
    "Hashes": f"SHA1={'B' * 40},SHA256={'A' * 64}",
}
LOGON = {
    "Channel": "Security",
    "SourceName": "Microsoft-Windows-Security-Auditing",
    "EventID": 4624,
    "Hostname": "WORKSTATION5",
    "TargetUserName": "pgustavo",
    "TargetDomainName": "THESHIRE.LOCAL",
    "TargetUserSid": SID,
    "SubjectUserSid": "S-1-5-18",
    "SubjectLogonId": "0x3e7",
    "TargetLogonId": "0x824281",
    "IpAddress": "203.0.113.66",
}


def test_a_sysmon_event_names_its_process_session_account_and_file():
    found = {(one.entity.kind, one.entity.value): one.pointer for one in joiners(event(DEVICE, SYSMON), NOTHING)}
    assert found == {
        (EntityKind.PROCESS, PLAIN): "/raw/ProcessGuid",
        (EntityKind.SESSION, "0xc61d9@workstation5"): "/raw/LogonId",
        (EntityKind.USER, "wardog@workstation5"): "/raw/User",
        (EntityKind.FILE, r"C:\Users\wardog\PsExec.exe"): "/raw/Image",
        (EntityKind.HASH, "a" * 64): "/raw/Hashes",
    }


def test_a_logon_names_who_came_in_and_a_refused_one_whom_nobody_became():
    def users(record):
        found = joiners(event(DEVICE, record), NOTHING)
        return {one.entity.value for one in found if one.entity.kind in (EntityKind.USER, EntityKind.SESSION)}

    assert users(LOGON) == {"pgustavo@theshire", SID, "0x824281@workstation5"}
    assert users(LOGON | {"EventID": 4625, "TargetLogonId": "0x0"}) == set()
    assert users(LOGON | {"TargetUserName": "WEC$"}) == {"0x824281@workstation5"}


def test_the_security_log_numbers_processes_in_hexadecimal():
    created = LOGON | {"EventID": 4688, "NewProcessId": "0x1c58", "NewProcessName": r"C:\Users\wardog\PsExec.exe"}
    assert "7256@workstation5" in named(DEVICE, EntityKind.PROCESS, created)
    assert "7256@workstation5" in named(DEVICE, EntityKind.PROCESS, SYSMON)
    assert named(DEVICE, EntityKind.PROCESS, created | {"NewProcessId": "1c58"}) == set()


def test_a_rendered_event_is_read_at_its_own_places():
    header = {"EventID": 4624, "Computer": "WORKSTATION5", "Channel": "Security"}
    own = {name: value for name, value in LOGON.items() if name.startswith(("Target", "Subject"))}
    raw = {"Event": {"System": header, "EventData": own}}
    assert Mention(Entity(EntityKind.USER, SID), "/raw/Event/EventData/TargetUserSid") in mentions(event(DEVICE, raw))
