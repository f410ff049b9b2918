import pytest

from safeconduct.access.agreement_schema import COSIGNERS_MAX
from safeconduct.access.document import ProgramInvalidError
from safeconduct.access.program import is_installation, parse_program
from safeconduct.access.response_kinds import TARGETS_MAX
from safeconduct.access.schema import NAMES_MAX
from safeconduct.ledger.keys import PostQuantumSecret, PublicKey, SecretKey
from safeconduct.ledger.notes import Cosigner, NoteSigner
from safeconduct.ledger.quorums import parse_policy
from support.programs import KEYS, WITNESS, demo_program

SOURCE = demo_program().decode()


def problems(source, **options):
    with pytest.raises(ProgramInvalidError) as caught:
        parse_program(source.encode(), **options)
    return caught.value.message.splitlines()


def edited(old, new):
    assert SOURCE.count(old) == 1, f"{old!r} stands {SOURCE.count(old)} times"
    return SOURCE.replace(old, new)


def test_the_demo_program_reads():
    program = parse_program(SOURCE.encode(), upstreams=["local"])
    assert [path.id for path in program.paths] == ["soc-triage"]
    assert program.paths[0].targets == program.scopes[0].targets
    assert program.agreement.origin == "safeconduct.example/demo/ag-2026-01"
    assert program.installation == "safeconduct.example/demo/installation"
    assert "Meridian lets" not in repr(program)  # of the terms, only the digest is kept


def test_order_comments_and_layout_do_not_change_the_digest():
    own = parse_program(SOURCE.encode()).digest
    assert (
        parse_program(
            (
                "# another\n"
                + edited("purpose: incident-triage\n    models:", "purpose:  incident-triage\n    models:")
            ).encode()
        ).digest
        == own
    )
    assert parse_program(edited("deadline_s: 120", "deadline_s: 121").encode()).digest != own


VALID = "2026-01-01T00:00:00Z, until: 2027-12-31T00:00:00Z}\n  witness"
GRANT = "principal: triage-service\n    path: soc-triage\n    purpose: incident-triage"
FORBID = 'forbid (principal, action == Action::"call", resource is Path)\n  when { context.frozen'
PATH_PURPOSE = "purpose: incident-triage\n    models"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("autonomy: triage", "autonmy: triage", "unknown key 'autonmy'; did you mean 'autonomy'?"),
        ("kind: service", "kind: sevice", "service, agent, got 'sevice'; did you mean 'service'?"),
        ("program: 1", 'program: "1"', "expected a whole number, got '1'"),
        ("program: 1", "program: 2", "expected 1, got 2"),
        ("deadline_s: 120", "deadline_s: 3601", "expected whole number, 1 to 3600, got 3601"),
        ("deadline_s: 120", "deadline_s: -1", "expected a whole number, got '-1'"),
        ("deadline_s: 120", "deadline_s: [1]", "expected a whole number, 1 to 3600, got a list"),
        ("autonomy: triage", "autonomy:", "expected one of advise, triage, hunt, act, got nothing"),
        ("tools: []", "tools: none", "expected a list, such as"),
        ("models: [", "models: [a, a, ", "'a' stands twice"),
        ("[192.0.2.0/24, northwind", "[192.0.2.1/24, northwind", "has address bits set beyond its prefix"),
        (VALID, VALID.replace("Z,", ","), "has no offset"),
        (VALID, VALID.replace("2026-01-01T", "someday"), "is not an RFC 3339 date-time"),
        (VALID, VALID.replace("2027", "2026").replace("12-31", "01-01"), "this is not after its beginning"),
        ("origin: safeconduct", "origin: https://safeconduct", "expected log name"),
        ('url: "http://', 'url: "ftp://', "expected an http or https address"),
        ("  soc-triage:\n", "  SOC:\n", "expected a name of up to 64 lower-case letters"),
        ("  block-ip:\n", "  block-ipp:\n", "did you mean 'block-ip'?"),
        ("  provider: meridian", "  provider: meridien", "no organization 'meridien'; did you mean 'meridian'?"),
        ("  partner: northwind", "  partner: meridian", "meridian has role provider, expected partner"),
        ("sponsor: ana", "sponsor: ann", "there is no principal 'ann'; did you mean 'ana'?"),
        ("sponsor: ana", "sponsor: ops", "the sponsor of triage-service must be a person of northwind"),
        (", sponsor: ana", "", "triage-service is a service and needs a sponsor"),
        ("sponsor: ana", "sponsor: ana, roles: [analyst]", "triage-service is a service; roles are for people"),
        ("roles: [analyst]", "roles: [analyst], sponsor: bo", "ana is a person; only services, agents"),
        (f'key: "{KEYS["bo"].public.text}", ', "", "bo is a person and needs a key (safeconduct keys new bo"),
        (KEYS["bo"].public.text, KEYS["ana"].public.text, "principals.ana has the same key; each needs its own"),
        (KEYS["bo"].public.text, KEYS["bo"].public.text[:-5], "expected a key of the form ed25519:"),
        ("principal: triage-service", "principal: triage", "there is no principal 'triage'"),
        (GRANT, GRANT.replace("incident-triage", "hunting"), "has purpose 'incident-triage', so this grant"),
        ("count: 1", "count: 2", "2 must approve, but northwind has 1 with role responder"),
        ("id: ag-2026-01", "id: installation", "'installation' is the name of the installation's own log"),
        ("tools: []", "tools: []\n    handling: {secrets: allow}", "there is no data class 'secrets'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_line(old, new, said):
    source = edited(old, new)
    pairs = enumerate(zip(SOURCE.splitlines(), source.splitlines(), strict=False), start=1)
    line = next(number for number, (before, after) in pairs if before != after)
    lines = problems(source)
    assert any(one.startswith(f"program.yaml:{line}:") and said in one for one in lines), (line, lines)


def test_the_column_is_that_of_the_value():
    line = SOURCE[: SOURCE.index("deadline_s: 120")].count("\n") + 1
    assert problems(edited("deadline_s: 120", "deadline_s: 0"))[0].split(":")[1:3] == [str(line), "70"]


def test_somebody_must_be_able_to_change_the_program_again():
    (line,) = problems(edited("roles: [administrator]", "roles: [analyst]"))
    principals = SOURCE[: SOURCE.index("\nprincipals:")].count("\n") + 3
    assert line.startswith(f"program.yaml:{principals}:3: nobody has role administrator")


def test_the_witness_key_must_be_its_own_and_a_cosignature_key():
    assert "the key is not named 'other'" in problems(edited("name: northwind.example/witness", "name: other"))[0]
    log_key = NoteSigner("northwind.example/witness", KEYS["ops"]).verifier.text
    (line,) = problems(SOURCE.replace(WITNESS.verifier.text, log_key))
    assert line.endswith("expected a cosignature key (type 4 or 6), got a log's key")


LINE = next(line for line in SOURCE.split("\n") if line.startswith("  witness:"))
MIRROR = Cosigner("northwind.example/mirror", PostQuantumSecret(bytes(32)))
POLICY = (
    f"witness partner {WITNESS.verifier.text} http://127.0.0.1:1/",
    f"witness copy {MIRROR.verifier.text} http://127.0.0.1:2/",
    "group both all partner copy",
    "quorum both",
)


def with_policy(*lines, witness=False):
    block = "  policy: |\n" + "".join(f"    {line}\n" for line in lines)
    return SOURCE.replace(LINE + "\n", block + (LINE + "\n" if witness else ""))


def test_a_policy_stands_for_several_witnesses():
    witness = parse_program(with_policy(*POLICY).encode()).agreement.witness
    assert (witness.name, witness.policy) == ("both", "".join(f"{line}\n" for line in POLICY))


def test_a_witness_is_the_short_form_of_a_policy_with_one():
    witness = parse_program(SOURCE.encode()).agreement.witness
    policy = parse_policy(witness.policy)
    assert (witness.name, policy.quorum) == (WITNESS.verifier.name, WITNESS.verifier.name)
    assert policy.satisfied([WITNESS.verifier])
    assert not policy.satisfied([])


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (POLICY[:-1], "there is no quorum line"),
        ((*POLICY[:-1], "quorum none"), "a policy with quorum none waits for nobody"),
        ((POLICY[0].replace(" http://127.0.0.1:1/", ""), *POLICY[1:]), "expected an http or https address"),
        ((POLICY[0].replace("http:", "ftp:"), *POLICY[1:]), "expected an http or https address"),
        ((*POLICY[:2], "group both 3 partner copy", POLICY[3]), "line 3: expected all, any or a number from 1 to 2"),
        (("quorum none",), "a policy with quorum none waits for nobody"),
    ],
)
def test_a_policy_that_nothing_could_wait_for_is_refused(lines, said):
    assert said in problems(with_policy(*lines))[0]


def test_a_policy_and_its_short_form_exclude_each_other():
    assert "expected one of the two" in problems(with_policy(*POLICY, witness=True))[0]


def test_the_number_of_witnesses_at_its_limit_and_one_beyond():
    def many(count):
        keys = [Cosigner(f"w{n}.example/w", SecretKey(bytes([n]) * 32)).verifier for n in range(count)]
        lines = [f"witness w{n} {key.text} http://127.0.0.1:1/" for n, key in enumerate(keys)]
        return with_policy(*lines, "quorum w0")

    assert parse_program(many(COSIGNERS_MAX).encode())
    assert "at most 15 witnesses, got 16" in problems(many(COSIGNERS_MAX + 1))[0]


def test_a_witness_that_is_no_line_of_a_policy_is_refused():
    assert "witness takes 2 to 3 items" in problems(edited("http://127.0.0.1:1/", "http://127.0.0.1:1/a b"))[0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    tools: []", "    tools: []\n    media: [audio]", "media 'audio' is not built yet; this release does"),
        ("    tools: []", "    tools: []\n    provider_tools: [mcp]", "provider_tools 'mcp' is not built yet"),
    ],
)
def test_a_path_that_asks_for_what_is_not_built_is_refused(old, new, said):
    with pytest.raises(ProgramInvalidError) as caught:
        parse_program(edited(old, new).encode())
    assert caught.value.code == "not-built-yet"
    (line,) = caught.value.message.splitlines()
    at = SOURCE[: SOURCE.index(old)].count("\n") + 1 + new.count("\n")
    assert line.startswith(f"program.yaml:{at}:")
    assert said in line


def test_an_upstream_that_is_not_configured_is_refused_where_they_are_known():
    with pytest.raises(ProgramInvalidError) as caught:
        parse_program(SOURCE.encode(), upstreams=["openai"])
    assert caught.value.code == "upstream-unknown"
    assert "path soc-triage: no upstream 'local' is configured; there is openai" in caught.value.message


@pytest.mark.parametrize(
    ("old", "new", "begins", "said"),
    [
        ("context.window_open &&", "context.window_opn &&", '@id("grant-', "safeconduct policy default prints"),
        ('@id("not-while-frozen")\n', "", FORBID, 'has no @id("...")'),
        ("when { context.frozen };", "when { context.frozen }", '@id("not-while-frozen")', "does not parse"),
        ("when { context.frozen };", 'when { principal == Principal::"anna" };', '@id("not-while-frozen")',
         "a policy names Principal:anna, which the program does not declare"),
    ],
)  # fmt: skip
def test_a_policy_that_does_not_compile_names_its_line_in_the_file(old, new, begins, said):
    source = edited(old, new)
    (line,) = problems(source)
    at = source[: source.index(begins)].count("\n") + 1
    assert line.startswith(f"program.yaml:{at}:1: ")
    assert said in line


def with_policies(policies):
    begin, end = SOURCE.index("policies: |"), SOURCE.index("approvals:")
    return SOURCE[:begin] + policies + SOURCE[end:]


def test_policies_over_their_limit_are_told_as_a_problem():
    conditions = "    1 == 1 &&\n" * 500
    policies = f'policies: |\n  @id("a") permit(principal, action, resource) when {{\n{conditions}    true }};\n'
    assert "tokens" in problems(with_policies(policies))[0]


def test_a_program_without_policies_is_read_and_permits_nothing():
    assert parse_program(with_policies('policies: ""\n').encode()).policies.text == ""


def test_all_problems_are_told_at_once_in_the_order_of_the_file():
    source = SOURCE.replace("kind: service", "kind: sevice").replace("release: pass", "release: pas")
    lines = problems(source.replace("count: 1", "count: 0"))
    said = ["expected one of pers", "expected one of pass", "expected whole numbe"]
    assert [line.split(": ", 1)[1][:20] for line in lines] == said


def test_the_limit_on_names():
    scopes = "".join(f"  s{number}: {{targets: [192.0.2.1], authorization: x}}\n" for number in range(NAMES_MAX - 1))
    assert len(parse_program(edited("scopes:\n", f"scopes:\n{scopes}").encode()).scopes) == NAMES_MAX
    one_more = scopes + "  more: {targets: [192.0.2.1], authorization: x}\n"
    told = problems(edited("scopes:\n", f"scopes:\n{one_more}"))
    assert told[0].endswith(f"expected 0 to {NAMES_MAX} names, got {NAMES_MAX + 1}")


def test_the_limit_on_targets():
    targets = ", ".join(f"10.{number // 256}.{number % 256}.1" for number in range(TARGETS_MAX))
    old = '[192.0.2.0/24, northwind.example, "*.northwind.example"]'
    assert len(parse_program(edited(old, f"[{targets}]").encode()).scopes[0].targets) == TARGETS_MAX
    assert f"got {TARGETS_MAX + 1}" in problems(edited(old, f"[{targets}, 192.0.2.1]"))[0]


def test_a_program_that_was_cut_anywhere_is_refused_with_a_place():
    whole = SOURCE.rstrip()
    for end in [*range(0, len(whole) - 20, 61), len(whole) - 20]:
        assert all(line.startswith("program.yaml:") for line in problems(whole[:end])), whole[:end][-80:]


def test_the_same_key_written_another_way_is_the_same_key():
    own = KEYS["ana"].public
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = own.text[-2]
    other = f"{own.text[:-2]}{letters[letters.index(last) + 1]}="
    assert PublicKey.parse(other) == own  # base64 leaves the last bits unused
    (line,) = problems(SOURCE.replace(KEYS["bo"].public.text, other))
    assert line.endswith("principals.ana has the same key; each needs its own")


def test_an_installations_own_logs_are_told_from_joint_ones_by_their_names():
    own = ["safeconduct.example/demo/installation", "safeconduct.example/demo/installation/2"]
    others = ["safeconduct.example/demo/installation2", "safeconduct.example/demo/ag-1/2", "x/installation/2/3"]
    assert [is_installation(origin) for origin in own + others] == [True] * 2 + [False] * 3


TAKES = "data_classes: [telemetry, unlabeled]"
HANDLED = "data_classes: [text, unlabeled, host, secret]\n    handling: {host: pseudonymize, secret: redact}"


def test_a_path_that_handles_every_class_it_takes_is_inspected():
    (path,) = parse_program(edited(TAKES, f"{HANDLED}\n    restore: [role:analyst]").encode()).paths
    assert path.inspected
    assert (path.handling["host"], path.restore, path.keep_subnets) == ("pseudonymize", ("role:analyst",), False)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("secret: redact", "secret: pseudonymize", "a secret is never kept to be restored"),
        ("host, secret]", "host, secret, mail]", "says nothing of data class mail: name its handling"),
        ("redact}", "redact}\n    media: [image]", "nobody sees what image hold"),
        ("redact}", "redact}\n    restore: [role:chief]", "there is no role 'chief'"),
        ("redact}", "redact}\n    restore: [everybody]", "organization:NAME, principal:NAME or role:NAME"),
    ],
)
def test_handling_that_would_leave_something_out_can_t_be_planned(old, new, said):
    assert any(said in one for one in problems(edited(TAKES, HANDLED.replace(old, new))))


def with_inventory(part):
    return SOURCE + "inventory:\n  office:\n" + "".join(f"    {line}\n" for line in part)


def test_an_inventory_is_read_into_its_parts():
    program = parse_program(with_inventory(["hosts: [web-01]", "fields:", "  a.b: {class: health}"]).encode())
    (part,) = program.inventory
    assert part.hosts == ("web-01",)
    assert [(one.id, one.data_class) for one in part.fields] == [("a.b", "health")]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("networks: [192.0.2.1/24]", "has host bits set"),
        ("hosts: ['a b']", "expected a host's name, with or without its domain"),
        ("patterns: {x: {class: y, pattern: '(?=a)'}}", "RE2's syntax"),
        ("patterns: {x: {class: y, pattern: 'a*'}}", "matches the empty text"),
        (f"accounts: [{', '.join(f'a{n}' for n in range(1_001))}]", "expected 0 to 1000 items, got 1001"),
    ],
)
def test_an_inventory_that_can_not_be_meant_is_refused(line, said):
    assert said in str(problems(with_inventory([line])))
