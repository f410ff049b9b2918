"""Probes: small, or refused; and what the log says of one, never what a caller says."""

import pytest

from safeconduct.gateway.probing import PROBE_BYTES_MAX, PROBE_TOKENS_MAX, LoggedProbes, check_probe
from safeconduct.kernel.errors import AbsentError, RefusedError


@pytest.mark.parametrize(("size", "tokens"), [(PROBE_BYTES_MAX + 1, 1), (1, PROBE_TOKENS_MAX + 1)])
def test_a_probe_is_small_and_other_calls_need_not_be(size, tokens):
    check_probe("probe", b"x" * PROBE_BYTES_MAX, PROBE_TOKENS_MAX)
    check_probe("incident-triage", b"x" * size, tokens)
    with pytest.raises(RefusedError) as caught:
        check_probe("probe", b"x" * size, tokens)
    assert caught.value.code == "probe-too-large"


class _Log:
    def entry(self, entry_id):
        raise AbsentError(entry_id)


@pytest.mark.parametrize("call", ["", "nonsense", "01ARZ3NDEKTSV4RRFFQ69G5FAV"])
def test_a_call_that_is_not_in_the_log_proves_nothing(call):
    with pytest.raises(AbsentError) as caught:
        LoggedProbes(_Log(), None).probed(call)
    assert caught.value.code == "call-unknown"
