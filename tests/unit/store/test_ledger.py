import json
import random
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossature.digest import digest_text
from ossature.errors import DiskError, Exit, OssatureError
from ossature.project import Project
from ossature.store.checked_lines import encode_line
from ossature.store.layout import prepare_state_dir
from ossature.store.ledger import FORMAT, Aside, Intent, Landing, Ledger


def landing(lineage: str, version: int = 1) -> Landing:
    return Landing(
        lineage=lineage,
        task="001",
        spec="S",
        title="Naïve title ✓",
        outputs=(f"src/{lineage}.py", "README"),
        generate=digest_text(f"{lineage}{version}"),
        verify=digest_text("verify"),
        leaves={"spec:Goals": digest_text("goals"), "file:a": ""},
        verify_leaves={"command": digest_text("true")},
        files={f"src/{lineage}.py": digest_text(f"{version}"), "README": digest_text("r")},
        run="20260504-ab12",
        attempt=version,
        at="2026-05-04T12:00:00Z",
    )


def land(ledger: Ledger, what: Landing) -> str:
    intent_id = ledger.append_intent(what, dict.fromkeys(what.files))
    ledger.append_landed(intent_id)
    return intent_id


def fill(path: Path) -> None:
    """A ledger with everything in it."""
    with Ledger.open(path) as ledger:
        land(ledger, landing("a", 1))
        land(ledger, landing("b", 1))
        land(ledger, landing("a", 2))
        ledger.append_abandoned(ledger.append_intent(landing("b", 2), {}))
        land(ledger, landing("c", 1))
        ledger.append_dropped("b")
        ledger.append_intent(landing("d", 1), {"src/d.py": None, "README": digest_text("old")}, ("README",))


def test_a_missing_ledger_is_empty(tmp_path: Path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    assert dict(ledger.landings) == {}
    assert ledger.open_intents == ()
    assert ledger.diagnostics == ()
    assert not ledger.path.exists()


def test_what_landed_last_counts(tmp_path: Path):
    path = tmp_path / "state" / "ledger.jsonl"
    fill(path)
    ledger = Ledger(path)
    assert list(ledger.landings.items()) == [("a", landing("a", 2)), ("c", landing("c", 1))]
    assert ledger.diagnostics == ()


def test_the_order_is_that_of_the_last_landings(tmp_path: Path):
    path = tmp_path / "l"
    with Ledger.open(path) as ledger:
        for name in ("a", "b", "c", "a"):
            land(ledger, landing(name))
        assert list(ledger.landings) == ["b", "c", "a"]
    assert list(Ledger(path).landings) == ["b", "c", "a"]


def test_an_intent_stays_open_until_it_landed_or_was_given_up(tmp_path: Path):
    path = tmp_path / "l"
    fill(path)
    (intent,) = Ledger(path).open_intents
    assert intent == Intent(
        intent.id, landing("d", 1), {"src/d.py": None, "README": digest_text("old")}, ("README",)
    )
    with Ledger.open(path) as ledger:
        assert ledger.open_intents == (intent,)
        ledger.append_landed(intent.id)
        assert ledger.open_intents == ()
        assert ledger.landings["d"] == landing("d", 1)
        with pytest.raises(KeyError):
            ledger.append_landed(intent.id)
        with pytest.raises(KeyError):
            ledger.append_abandoned(intent.id)
    assert Ledger(path).open_intents == ()


def test_a_ledger_that_was_read_takes_no_records(tmp_path: Path):
    path = tmp_path / "l"
    fill(path)
    before = path.read_bytes()
    with pytest.raises(RuntimeError):
        Ledger(path).append_dropped("a")
    ledger = Ledger.open(path)
    ledger.close()
    ledger.close()
    with pytest.raises(RuntimeError):
        ledger.append_dropped("a")
    assert path.read_bytes() == before


def test_dropping_what_never_landed_is_harmless(tmp_path: Path):
    with Ledger.open(tmp_path / "l") as ledger:
        ledger.append_dropped("nobody")
    assert Ledger(tmp_path / "l").diagnostics == ()


def test_the_first_line_is_the_format(tmp_path: Path):
    path = tmp_path / "l"
    Ledger.open(path).close()
    Ledger.open(path).close()
    (line,) = path.read_bytes().splitlines()
    assert json.loads(line[9:]) == {"t": "header", "format": FORMAT}


def test_a_ledger_of_a_future_format_is_refused(tmp_path: Path):
    path = tmp_path / "l"
    path.write_bytes(encode_line(b'{"t":"header","format":%d}' % (FORMAT + 1)))
    for use in (Ledger, Ledger.open):
        with pytest.raises(OssatureError, match=f"format {FORMAT + 1}") as caught:
            use(path)
        assert caught.value.exit_code == Exit.USAGE


def test_a_folder_in_the_place_of_a_ledger_is_a_disk_error(tmp_path: Path):
    for use in (Ledger, Ledger.open):
        with pytest.raises(DiskError):
            use(tmp_path)


# --- damage


def model(lines: list[bytes]) -> tuple[list[tuple[str, str]], list[str]]:
    """What lines of a ledger come to, by the plainest means: (lineage, generate) pairs and open lineages."""
    landed: dict[str, str] = {}
    intents: dict[str, dict[str, str]] = {}
    for line in lines:
        record = json.loads(line[9:])
        if record["t"] == "intent":
            intents[record["id"]] = record["landing"]
        elif record["t"] == "landed":
            what = intents.pop(record["id"])
            landed.pop(what["lineage"], None)
            landed[what["lineage"]] = what["generate"]
        elif record["t"] == "abandoned":
            intents.pop(record["id"])
        elif record["t"] == "dropped":
            landed.pop(record["lineage"], None)
    return list(landed.items()), [what["lineage"] for what in intents.values()]


def seen(ledger: Ledger) -> tuple[list[tuple[str, str]], list[str]]:
    landed = [(lineage, what.generate) for lineage, what in ledger.landings.items()]
    return landed, [intent.landing.lineage for intent in ledger.open_intents]


def test_a_cut_at_every_byte_keeps_exactly_the_whole_records(tmp_path: Path):
    path = tmp_path / "l"
    fill(path)
    content = path.read_bytes()
    for length in range(len(content) + 1):
        path.write_bytes(content[:length])
        # A record whose line break alone is missing is whole.
        whole = content[: length + 1].count(b"\n")
        ledger = Ledger(path)
        assert seen(ledger) == model(content.splitlines()[:whole])
        assert path.read_bytes() == content[:length]


def test_opening_after_a_cut_at_any_byte_mends_the_file(tmp_path: Path):
    path = tmp_path / "l"
    fill(path)
    content = path.read_bytes()
    for length in range(0, len(content) + 1, 5):
        path.write_bytes(content[:length])
        whole = content[: length + 1].count(b"\n")
        with Ledger.open(path) as ledger:
            land(ledger, landing("new"))
        lines = path.read_bytes().splitlines()
        mended = Ledger(path)
        assert mended.diagnostics == ()
        assert seen(mended) == model(lines)
        assert lines[:whole] == content.splitlines()[:whole]
        assert mended.landings["new"] == landing("new")
        assert json.loads(lines[0][9:])["t"] == "header"


def test_no_flipped_bit_is_believed(tmp_path: Path):
    path = tmp_path / "l"
    fill(path)
    content = path.read_bytes()
    versions = [landing(name, number) for name in "abcd" for number in (1, 2)]
    source = random.Random(5)
    for _ in range(3_000):
        flipped = bytearray(content)
        flipped[source.randrange(len(content))] ^= 1 << source.randrange(8)
        path.write_bytes(flipped)
        ledger = Ledger(path)
        assert all(what in versions for what in ledger.landings.values())
        assert all(intent.landing in versions for intent in ledger.open_intents)
        assert ledger.diagnostics


def test_a_damaged_line_is_named_and_the_later_ones_hold(tmp_path: Path):
    path = tmp_path / "l"
    with Ledger.open(path) as ledger:
        for name in "abc":
            land(ledger, landing(name))
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b"Na", b"na")  # the intent of b
    path.write_bytes(b"".join(lines))
    ledger = Ledger(path)
    assert list(ledger.landings) == ["a", "c"]
    damaged, orphan = ledger.diagnostics
    assert (damaged.code, damaged.place.line) == ("ledger-damaged-line", 4)
    assert (orphan.code, orphan.place.line) == ("ledger-unknown-record", 5)


def test_a_torn_last_line_is_only_a_remark(tmp_path: Path):
    path = tmp_path / "l"
    fill(path)
    with path.open("ab") as file:
        file.write(b'deadbeef {"t":"land')
    (remark,) = Ledger(path).diagnostics
    assert (remark.code, remark.severity) == ("ledger-torn", "info")


def test_conflict_markers_and_foreign_line_ends_are_passed_over(tmp_path: Path):
    path = tmp_path / "l"
    fill(path)
    before = seen(Ledger(path))
    lines = path.read_bytes().splitlines()
    lines[3:3] = [b"<<<<<<< HEAD", b"||||||| base", b"=======", b">>>>>>> branch", b""]
    path.write_bytes(b"\r\n".join(lines) + b"\r\n")
    ledger = Ledger(path)
    assert seen(ledger) == before
    assert [item for item in ledger.diagnostics if item.severity != "info"] == []


def test_a_header_twice_or_missing_does_not_matter(tmp_path: Path):
    path = tmp_path / "l"
    fill(path)
    before = seen(Ledger(path))
    header, *rest = path.read_bytes().splitlines(keepends=True)
    for lines in (rest, [header, *rest, header]):
        path.write_bytes(b"".join(lines))
        assert seen(Ledger(path)) == before


@pytest.mark.parametrize(
    "payload",
    [
        b'{"t":"teleported","id":"x"}',
        b'{"t":"landed","id":"unheard of"}',
        b'{"t":"landed"}',
        b'{"t":"intent","id":"x"}',
        b'{"t":"intent","id":"x","landing":{"lineage":"x"},"before":{},"skip":[]}',
        b'{"t":["landed"]}',
        b"{}",
        b"[]",
        b"7",
        b"null",
        b"nonsense",
        b"[" * 50_000,
    ],
)
def test_a_record_that_cannot_be_used_is_named_and_left_out(tmp_path: Path, payload: bytes):
    path = tmp_path / "l"
    fill(path)
    before = seen(Ledger(path))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], encode_line(payload), *lines[2:]]))
    ledger = Ledger(path)
    assert seen(ledger) == before
    (problem,) = ledger.diagnostics
    assert (problem.code, problem.place.line) == ("ledger-unknown-record", 3)


@pytest.mark.parametrize(
    "change",
    [
        {"lineage": 7},
        {"outputs": [1]},
        {"outputs": 7},
        {"files": []},
        {"files": {"a": None}},
        {"leaves": "x"},
    ],
)
def test_a_landing_of_the_wrong_types_is_named_and_left_out(tmp_path: Path, change: dict[str, object]):
    path = tmp_path / "l"
    with Ledger.open(path) as ledger:
        land(ledger, landing("a"))
    header, intent, landed = path.read_bytes().splitlines(keepends=True)
    record = json.loads(intent[9:])
    record["landing"].update(change)
    path.write_bytes(header + encode_line(json.dumps(record).encode()) + landed)
    ledger = Ledger(path)
    assert dict(ledger.landings) == {}
    assert [(item.code, item.place.line) for item in ledger.diagnostics] == [("ledger-unknown-record", 2)]


def test_fields_of_a_newer_version_are_passed_over_and_of_an_older_one_defaulted(tmp_path: Path):
    path = tmp_path / "l"
    with Ledger.open(path) as ledger:
        land(ledger, landing("a"))
    header, intent, landed = path.read_bytes().splitlines(keepends=True)
    record = json.loads(intent[9:])
    record["landing"]["future"] = {"x": 1}
    del record["landing"]["at"]
    path.write_bytes(header + encode_line(json.dumps(record).encode()) + landed)
    assert dict(Ledger(path).landings) == {"a": replace(landing("a"), at="")}


# --- whole lives


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["land", "intend", "finish", "abandon", "drop", "reopen"]), st.sampled_from("abc")
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=60)
@given(operations=OPERATIONS)
def test_a_ledger_tells_the_same_before_and_after_it_is_read_again(
    operations: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
):
    path = tmp_path_factory.mktemp("ledger") / "l"
    ledger = Ledger.open(path)
    for version, (operation, name) in enumerate(operations):
        opened = [intent.id for intent in ledger.open_intents]
        if operation == "land":
            land(ledger, landing(name, version))
        elif operation == "intend":
            ledger.append_intent(landing(name, version), {})
        elif operation == "finish" and opened:
            ledger.append_landed(opened[-1])
        elif operation == "abandon" and opened:
            ledger.append_abandoned(opened[0])
        elif operation == "drop":
            ledger.append_dropped(name)
        elif operation == "reopen":
            ledger.close()
            ledger = Ledger.open(path)
        read = Ledger(path)
        assert list(read.landings.items()) == list(ledger.landings.items())
        assert read.open_intents == ledger.open_intents
    ledger.close()
    assert seen(Ledger(path)) == model(path.read_bytes().splitlines())


WRITER = """
import sys
from pathlib import Path
from ossature.store.ledger import Landing, Ledger
with Ledger.open(Path(sys.argv[1])) as ledger:
    for number in range(int(sys.argv[2]), 10**9):
        landing = Landing(f"task-{number}", "1", "S", "T", ("a",), "g" * 64, "v" * 64)
        ledger.append_landed(ledger.append_intent(landing, {"a": None}))
        print(number, flush=True)
"""


def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(tmp_path: Path):
    path = tmp_path / "l"
    acknowledged: set[int] = set()
    for rounds in range(8):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(rounds * 100_000)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        for _ in range(rounds + 1):
            acknowledged.add(int(child.stdout.readline()))
        child.send_signal(signal.SIGKILL)
        acknowledged |= {int(number) for number in child.communicate()[0].split()}
        ledger = Ledger(path)
        assert {f"task-{number}" for number in acknowledged} <= set(ledger.landings)
        assert all(item.code == "ledger-torn" for item in ledger.diagnostics)
        assert len(ledger.open_intents) <= rounds + 1


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_git_merges_the_landings_of_two_branches(tmp_path: Path):
    def git(*words: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@example.invalid", *words],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )

    project = Project(root=tmp_path)
    path = project.ledger_path
    prepare_state_dir(project)
    with Ledger.open(path) as ledger:
        land(ledger, landing("common"))
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-qm", "common")
    git("checkout", "-qb", "other")
    with Ledger.open(path) as ledger:
        land(ledger, landing("theirs"))
    git("commit", "-qam", "theirs")
    git("checkout", "-q", "main")
    with Ledger.open(path) as ledger:
        land(ledger, landing("ours"))
    git("commit", "-qam", "ours")
    git("merge", "-q", "other", "-m", "merged")
    merged = Ledger(path)
    assert set(merged.landings) == {"common", "theirs", "ours"}
    assert merged.diagnostics == ()
    assert merged.open_intents == ()


# --- what people did


def test_base_of_a_merge_is_what_was_generated_and_not_what_counts(tmp_path: Path):
    accepted = replace(landing("a"), generated={"README": digest_text("generated")}, is_verified=False)
    with Ledger.open(tmp_path / "l") as ledger:
        land(ledger, accepted)
        land(ledger, landing("b"))
    found = Ledger(tmp_path / "l").landings
    assert found == {"a": accepted, "b": landing("b")}
    assert (found["a"].base("README"), found["a"].is_by_hand("README")) == (digest_text("generated"), True)
    assert (found["a"].base("src/a.py"), found["a"].is_by_hand("src/a.py")) == (digest_text("1"), False)
    assert not found["b"].is_by_hand("README")


def test_file_that_no_model_wrote_has_no_base():
    manual = replace(landing("a"), generated={"README": ""})
    assert (manual.base("README"), manual.is_by_hand("README")) == ("", True)


def test_line_of_an_older_version_says_that_all_was_generated(tmp_path: Path):
    path = tmp_path / "l"
    with Ledger.open(path) as ledger:
        land(ledger, landing("a"))
    assert b"generated" not in path.read_bytes()
    assert b"is_verified" not in path.read_bytes()
    old = Ledger(path).landings["a"]
    assert (old.generated, old.is_verified) == ({}, True)
    assert old.base("README") == old.files["README"]


@pytest.mark.parametrize("change", [{"generated": []}, {"generated": {"a": 1}}, {"is_verified": "yes"}])
def test_line_with_a_wrong_type_in_a_new_field_is_left_out(tmp_path: Path, change: dict):
    path = tmp_path / "l"
    with Ledger.open(path) as ledger:
        land(ledger, replace(landing("a"), generated={"README": "x"}, is_verified=False))
    header, intent, landed = path.read_bytes().splitlines()
    record = json.loads(intent[9:])
    record["landing"].update(change)
    changed = encode_line(json.dumps(record).encode())
    path.write_bytes(header + b"\n" + changed + landed + b"\n")
    ledger = Ledger(path)
    assert ledger.landings == {}
    assert [item.code for item in ledger.diagnostics] == ["ledger-unknown-record"]


def test_versions_that_were_given_up_are_told_once_each(tmp_path: Path):
    path = tmp_path / "l"
    one = Aside("a.txt", digest_text("mine"), "001", "set aside", "run", "2026-05-04T12:00:00Z")
    two = replace(one, digest=digest_text("other"), how="given up")
    with Ledger.open(path) as ledger:
        for aside in (one, two, one):
            ledger.append_aside(aside)
        land(ledger, landing("a"))
    assert Ledger(path).asides == (one, two)
    lines = path.read_bytes().splitlines()
    lines[1] = encode_line(b'{"t":"aside","path":7}').rstrip()
    path.write_bytes(b"\n".join(lines) + b"\n")
    ledger = Ledger(path)
    assert ledger.asides == (two, one)
    assert [item.code for item in ledger.diagnostics] == ["ledger-unknown-record"]


def test_only_a_ledger_that_may_have_lost_something_is_doubtful(tmp_path: Path):
    path = tmp_path / "l"
    assert Ledger(path).is_doubtful
    fill(path)
    whole = path.read_bytes()
    assert not Ledger(path).is_doubtful
    for content in (b"", b"\0" * 50, whole[:-1], whole[:-20], whole.replace(b"intent", b"intend", 1)):
        path.write_bytes(content)
        assert Ledger(path).is_doubtful
    Ledger.open(tmp_path / "new").close()
    assert not Ledger(tmp_path / "new").is_doubtful


def test_what_was_dropped_is_known_to_be_meant(tmp_path: Path):
    path = tmp_path / "l"
    with Ledger.open(path) as ledger:
        ledger.append_landed(ledger.append_intent(landing("a", 1), {}))
        ledger.append_dropped("a")
        ledger.append_dropped("b")
    assert Ledger(path).dropped == {"a", "b"}
    with Ledger.open(path) as ledger:
        ledger.append_landed(ledger.append_intent(landing("a", 2), {}))
    assert Ledger(path).dropped == {"b"}
