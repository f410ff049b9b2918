"""One view over the shapes of Windows event records: the same event read alike, each value found at its pointer."""

import pytest

from safeconduct.soc.pointers import resolve
from safeconduct.soc.windows import NESTED_MAX, WindowsRecord, windows_record

SYSTEM = {
    "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon", "Guid": "5770385F"}},
    "EventID": 1,
    "EventRecordID": 77,
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "Computer": "pc-7.example",
}
DATA = {"Image": "C:\\Tools\\a.exe", "ProcessId": 4460, "a/b~c": "odd name", "Signed": True}


def rendered(system=SYSTEM, **sections):
    return {"Event": {"System": system, **sections}}


FLAT = {
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "SourceName": "Microsoft-Windows-Sysmon",
    "EventID": 1,
    "RecordNumber": 77,
    "Hostname": "pc-7.example",
    "ExecutionProcessID": 4,
    "tags": ["lab"],
    **DATA,
}


def held(raw) -> WindowsRecord:
    """The record, each of whose values stands where its pointer says."""
    record = windows_record(raw)
    assert record is not None
    for name, value in record.data.items():
        assert resolve({"raw": raw}, record.pointers[name]) == value
    return record


@pytest.mark.parametrize("raw", [rendered(EventData=DATA), FLAT, FLAT | {"EventID": "1", "RecordNumber": "77"}])
def test_every_shape_reads_alike(raw):
    record = held(raw)
    assert (record.channel, record.provider) == ("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon")
    assert (record.event_id, record.record_id, record.computer) == (1, 77, "pc-7.example")
    assert record.data == DATA
    header = {"Channel": record.channel, "Provider_Name": record.provider, "Computer": record.computer}
    for name, value in header.items():
        assert resolve({"raw": raw}, record.pointers[name]) == value
    assert set(record.pointers) == {"Channel", "Provider_Name", "EventID", "Computer", "EventRecordID", *DATA}
    assert len(record.pointers) == len(set(record.pointers))
    with pytest.raises(KeyError):
        record.pointers["Absent"]


def test_an_event_id_with_qualifiers_is_its_number():
    raw = rendered({**SYSTEM, "EventID": {"#attributes": {"Qualifiers": 16384}, "#text": 33205}}, EventData=DATA)
    record = held(raw)
    assert record.event_id == 33205
    assert resolve({"raw": raw}, record.pointers["EventID"]) == 33205


def test_unnamed_data_is_a_list_of_its_texts():
    record = held(rendered(EventData={"Data": {"#text": ["xp_cmdshell", "0", "1"]}, "Binary": None}))
    assert record.data == {"Data": ["xp_cmdshell", "0", "1"], "Binary": None}
    assert record.pointers["Data"] == "/raw/Event/EventData/Data/#text"


def test_user_data_is_read_below_its_element():
    cleared = {"#attributes": {"xmlns": "urn:x"}, "SubjectUserName": "ana", "BackupPath": None}
    record = held(rendered(UserData={"LogFileCleared": cleared}))
    assert record.data == {"SubjectUserName": "ana", "BackupPath": None}
    assert record.pointers["SubjectUserName"] == "/raw/Event/UserData/LogFileCleared/SubjectUserName"


def test_user_data_is_looked_into_so_deep_and_no_deeper():
    def nested(levels):
        value = {"Name": "x"}
        for _ in range(levels):
            value = {"L": value}
        return held(rendered(UserData=value)).data

    assert nested(NESTED_MAX) == {"Name": "x"}
    assert nested(NESTED_MAX + 1) == {}


@pytest.mark.parametrize("sections", [{}, {"EventData": None}, {"EventData": "text"}])
def test_an_event_without_data_has_none(sections):
    assert held(rendered(**sections)).data == {}


def test_a_header_that_says_nothing_is_empty():
    record = held(rendered({"EventID": 6, "Channel": None, "Provider": None}))
    assert (record.channel, record.provider, record.computer, record.record_id) == ("", "", "", 0)


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"Event": None},
        {"Event": {"EventData": DATA}},
        {"Event": {"System": {"Channel": "Security"}}},
        {"Channel": "Security"},
        {"Channel": "Security", "EventID": 4624},
        {"Channel": "Security", "EventID": "logon", "SourceName": "x"},
        {"event": {"code": "4624"}, "winlog": {"channel": "Security"}},
    ],
)
def test_what_is_no_windows_event_is_none(raw):
    assert windows_record(raw) is None


def test_a_flat_line_may_call_its_host_computer():
    raw = {name: value for name, value in FLAT.items() if name != "Hostname"} | {"Computer": "pc-9"}
    assert held(raw).computer == "pc-9"
    assert resolve({"raw": raw}, held(raw).pointers["Computer"]) == "pc-9"
