"""What Windows events mean: rows on records as Windows writes them, the published schema over the recorded attacks."""

from collections import Counter
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.adapters.telemetry.evtx import read_log
from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.instants import Instant
from safeconduct.soc.inventory import NOTHING
from safeconduct.soc.ocsf.mapping import to_ocsf
from safeconduct.soc.ocsf.sysmon import SYSMON
from safeconduct.soc.ocsf.windows import NEEDS
from safeconduct.soc.ocsf.windows_security import AUDITING, OTHERS, SECURITY
from support.ocsf import faults
from support.windows import logs_in, read_in

SYSMON_PROVIDER = "Microsoft-Windows-Sysmon"
AT = Instant(1_795_200_000_000_000)
RDP_CORE = "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS"
RDP_MANAGER = "Microsoft-Windows-TerminalServices-RemoteConnectionManager"
OF_EACH = 3
"""Events of one kind that are held to the schema."""


def meaning(provider, number, **data):
    system = {"Provider": {"#attributes": {"Name": provider}}, "EventID": number, "Computer": "PC-7.example."}
    system |= {"Execution": {"#attributes": {"ProcessID": 12}}, "Security": {"#attributes": {"UserID": "S-1-5-18"}}}
    found = to_ocsf("windows", {"Event": {"System": system, "EventData": data}}, AT, NOTHING)
    assert faults(found) == []
    return found


def sysmon(number, **data):
    return meaning(SYSMON_PROVIDER, number, **data)


def security(number, **data):
    return meaning(AUDITING, number, **data)


ACTOR = {"ProcessGuid": "{ABC-1}", "ProcessId": 7, "Image": "C:\\Tools\\a.exe"}
SUBJECT = {"SubjectUserName": "ana", "SubjectUserSid": "S-1-5-21-1", "SubjectLogonId": "0x3e7", "ProcessId": "0x1fc"}


def test_a_started_process_has_its_parent_and_its_hashes():
    found = sysmon(1, **ACTOR, CommandLine="a.exe /x", Hashes="SHA1=AB,MD5=CD,SSDEEP=3:x", User="CORP\\ana",
                   ParentProcessGuid="{ABC-0}", ParentProcessId="5", ParentImage="C:\\b.exe")  # fmt: skip
    assert (found["class_uid"], found["activity_id"]) == (1007, 1)
    process = found["process"]
    assert (process["uid"], process["pid"], process["cmd_line"]) == ("abc-1", 7, "a.exe /x")
    assert process["user"] == {"name": "ana", "domain": "CORP"}
    assert [(one["algorithm"], one["value"]) for one in process["file"]["hashes"]] == [("SHA-1", "AB"), ("MD5", "CD")]
    assert process["parent_process"]["pid"] == found["actor"]["process"]["pid"] == 5
    assert found["device"] == {"hostname": "pc-7.example", "type_id": 0}
    assert found["metadata"]["event_code"] == "1"


@pytest.mark.parametrize(
    ("event", "class_uid", "activity"),
    [
        (lambda: sysmon(3, **ACTOR, SourceIp="192.0.2.1", Initiated=True), 4001, 1),
        (lambda: sysmon(5, **ACTOR), 1007, 2),
        (lambda: sysmon(7, **ACTOR, ImageLoaded="C:\\a.dll"), 1005, 1),
        (lambda: sysmon(8, SourceProcessId=1, TargetProcessId=2), 1007, 4),
        (lambda: sysmon(10, SourceProcessId=1, TargetProcessId=2, GrantedAccess="0x1410"), 1007, 3),
        (lambda: sysmon(11, **ACTOR, TargetFilename="C:\\a.txt"), 1001, 1),
        (lambda: sysmon(12, **ACTOR, TargetObject="HKLM\\A", EventType="CreateKey"), 201001, 1),
        (lambda: sysmon(12, **ACTOR, TargetObject="HKLM\\A\\B", EventType="DeleteValue"), 201002, 4),
        (lambda: sysmon(12, **ACTOR, TargetObject="HKLM\\A", EventType="Else"), 201001, 99),
        (lambda: sysmon(13, **ACTOR, TargetObject="HKLM\\A\\B", Details="1"), 201002, 2),
        (lambda: sysmon(18, **ACTOR, PipeName="\\lsass"), 1001, 14),
        (lambda: sysmon(22, **ACTOR, QueryName="a.example", QueryStatus="9003"), 4003, 2),
        (lambda: sysmon(23, **ACTOR, TargetFilename="C:\\a.txt"), 1001, 4),
        (lambda: security(4624, **SUBJECT, TargetUserName="bo", LogonType=3), 3002, 1),
        (lambda: security(4625, **SUBJECT, TargetUserName="bo", Status="0xc000006d"), 3002, 1),
        (lambda: security(4634, TargetUserName="bo"), 3002, 2),
        (lambda: security(4657, **SUBJECT, ObjectName="\\REGISTRY\\A", ObjectValueName="B"), 201002, 3),
        (lambda: security(4663, **SUBJECT, ObjectType="Key", ObjectName="\\REGISTRY\\A"), 201001, 99),
        (lambda: security(4663, **SUBJECT, ObjectType="File", ObjectName="C:\\a"), 1001, 99),
        (lambda: security(4672, **SUBJECT, PrivilegeList="SeDebugPrivilege\n\t\tSeTcbPrivilege"), 3003, 1),
        (lambda: security(4688, **SUBJECT, NewProcessId="0x200", NewProcessName="C:\\a.exe"), 1007, 1),
        (lambda: security(4698, **SUBJECT, TaskName="\\X"), 1006, 1),
        (lambda: security(4720, **SUBJECT, TargetUserName="bo"), 3001, 1),
        (lambda: security(4728, **SUBJECT, TargetUserName="Admins", MemberSid="S-1-5-21-2"), 3006, 3),
        (lambda: security(4768, TargetUserName="bo", IpAddress="::ffff:192.0.2.9", ServiceName="krbtgt"), 3002, 3),
        (lambda: security(4742, **SUBJECT, TargetUserName="DC1$"), 3001, 99),
        (lambda: security(4662, **SUBJECT, ObjectName="%{AB-1}", ObjectType="%{CD-2}"), 3004, 99),
        (lambda: security(5136, **SUBJECT, ObjectDN="DC=corp", AttributeLDAPDisplayName="member"), 3004, 3),
        (lambda: security(5140, **SUBJECT, IpAddress="192.0.2.9", ShareName="\\\\*\\C$"), 4006, 99),
        (lambda: security(5145, **SUBJECT, IpAddress="192.0.2.9", ShareName="\\\\*\\C$"), 4006, 99),
        (lambda: meaning(RDP_CORE, 131, ConnType="TCP", ClientIP="192.0.2.9:52202"), 4005, 99),
        (lambda: meaning(RDP_MANAGER, 1149, Param1="ana", Param2="corp", Param3="192.0.2.9"), 4005, 99),
        (lambda: security(5156, ProcessID="4", SourceAddress="192.0.2.1", Direction="%%14593"), 4001, 1),
        (lambda: meaning("Service Control Manager", 7045, ServiceName="x", ImagePath="cmd.exe"), 201004, 1),
        (lambda: meaning("Microsoft-Windows-PowerShell", 4104, ScriptBlockText="ls"), 1009, 1),
        (lambda: meaning("Microsoft-Windows-Eventlog", 1102, SubjectUserName="ana"), 1008, 1),
    ],
)
def test_an_event_is_of_its_class(event, class_uid, activity):
    found = event()
    assert (found["class_uid"], found["activity_id"]) == (class_uid, activity)


@pytest.mark.parametrize(
    "event",
    [
        lambda: sysmon(11, **ACTOR),
        lambda: sysmon(11, TargetFilename="C:\\a.txt"),
        lambda: sysmon(1, Image="C:\\a.exe"),
        lambda: sysmon(3, **ACTOR, SourceIp="-"),
        lambda: security(4624, TargetUserName="-"),
        lambda: security(5145, **SUBJECT, IpAddress="-", ShareName="x"),
        lambda: security(5145, **SUBJECT, IpAddress="192.0.2.9"),
        lambda: security(5136, **SUBJECT, DSName="corp"),
        lambda: meaning(RDP_CORE, 131, ClientIP="somewhere"),
        lambda: security(4663, **SUBJECT, ObjectType="Token", ObjectName="x"),
        lambda: meaning("Another", 1, **ACTOR),
        lambda: sysmon(255, Description="error"),
    ],
)
def test_what_lacks_what_its_class_needs_or_has_no_row_is_a_base_event(event):
    found = event()
    assert found["class_uid"] == 0
    assert found["device"]["hostname"] == "pc-7.example"


def test_values_are_in_the_type_and_form_of_their_attribute():
    found = security(4624, **SUBJECT, TargetUserName="bo", LogonType="10", IpAddress="::ffff:192.0.2.9", IpPort="0",
                     WorkstationName="\\\\WS-1", LmPackageName="-")  # fmt: skip
    assert found["actor"]["process"]["pid"] == 0x1FC
    assert found["src_endpoint"] == {"ip": "192.0.2.9", "port": 0, "hostname": "ws-1"}
    assert (found["logon_type_id"], found["status"]) == (10, "Success")
    resolved = sysmon(22, **ACTOR, QueryName="A.example.", QueryStatus="9003", QueryResults="type:  5 b.example;::1;")
    assert (resolved["query"]["hostname"], resolved["rcode_id"]) == ("a.example", 3)
    assert resolved["answers"] == [{"rdata": "b.example"}, {"rdata": "::1"}]


@pytest.mark.parametrize(("path", "name"), [("a\\b.txt", "b.txt"), ("\\", "\\"), ("a\\", "a\\")])
def test_what_was_opened_on_a_share_has_its_path_there_and_always_a_name(path, name):
    found = security(5145, **SUBJECT, IpAddress="::ffff:192.0.2.9", IpPort="49237", ShareName="C$",
                     RelativeTargetName=path)  # fmt: skip
    assert found["file"] == {"path": path, "name": name, "type_id": 0}
    assert (found["src_endpoint"], found["share"]) == ({"ip": "192.0.2.9", "port": 49237}, "C$")


@pytest.mark.parametrize(("client", "ip"), [("192.0.2.9:52202", "192.0.2.9"), ("[2001:db8::1]:52202", "2001:db8::1")])
def test_a_client_of_remote_desktop_is_known_by_its_address(client, ip):
    found = meaning(RDP_CORE, 131, ConnType="TCP", ClientIP=client)
    assert found["src_endpoint"] == {"ip": ip}
    assert found["connection_info"] == {"protocol_name": "TCP", "direction_id": 1}


def test_every_class_says_what_it_needs():
    rows = chain(SYSMON.values(), SECURITY.values(), OTHERS.values())
    assert {row.class_uid for row in rows} <= NEEDS.keys()


VALUES = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=12)
VALUES |= st.sampled_from(["0x1g", "0x" + "f" * 40, "\\", "a\\", "=,=", ";;", "%%14592"]) | st.lists(VALUES, max_size=2)
FIELDS = sorted(
    {source if isinstance(source, str) else source[0]
     for row in (*SYSMON.values(), *SECURITY.values(), *OTHERS.values()) for source in row.copy.values()}
)  # fmt: skip
KINDS = [(SYSMON_PROVIDER, number) for number in SYSMON] + [(AUDITING, number) for number in SECURITY] + list(OTHERS)


@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=12), st.booleans())
def test_hostile_values_become_events_that_can_be_kept(kind, data, flat):
    provider, number = kind
    system = {"Provider": {"#attributes": {"Name": provider}}, "EventID": number, "Computer": data.get("Image")}
    flat_line = {"EventID": number, "SourceName": provider, "Channel": data.get("User"), **data}
    found = to_ocsf("windows", flat_line if flat else {"Event": {"System": system, "EventData": data}}, AT, NOTHING)
    canonical(found)
    assert found["type_uid"] == found["class_uid"] * 100 + found["activity_id"]


def test_the_schema_has_nothing_against_the_recorded_attacks():
    judged, found = Counter(), Counter()
    for log in logs_in("evtx/attack-samples.tar.xz").values():
        for record in read_log(read_in(log)):
            system = record.raw["Event"]["System"]
            kind = (system["Provider"]["#attributes"].get("Name"), str(system["EventID"]))
            judged[kind] += 1
            if judged[kind] <= OF_EACH:
                document = to_ocsf("windows", record.raw, record.at, NOTHING)
                assert faults(document) == [], kind
                found[document["class_uid"]] += 1
    assert judged.total() == 8255
    mapped = {1001, 1005, 1006, 1007, 1008, 1009, 3001, 3002, 3003, 3004, 3006, 4001, 4003, 4005, 4006}
    mapped |= {201001, 201002, 201004}
    assert mapped <= found.keys()
