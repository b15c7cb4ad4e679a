"""Files of ours that are cut, flipped, empty, gone or something else: told, never believed, built on."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ossature.digest import digest_text
from ossature.domain.decision import Letter, Skip, Stop
from ossature.domain.event import Noticed
from ossature.engine.stamp import Stamping, read_stamp
from ossature.errors import Exit, OssatureError
from ossature.project import load_project
from ossature.store import inbox
from ossature.store.checked_lines import decode_line, encode_line
from ossature.store.exchange import Exchanges
from ossature.store.lease import read_dead
from ossature.store.tasklog import open_attempt
from tests.faults.lab import Lab, copied, put, use
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.runs.kit import Kit
from tests.support.sampling import TRIES_ALL, chance, some

MakeLab = Callable[[Scenario], Lab]
FIRST, WHOLE = SCENARIOS[0], SCENARIOS[-1]
LEDGER = ".ossature/ledger.jsonl"


class Built:
    """A project in which everything has landed, made anew as often as it is damaged."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        kit = lab.fresh()
        assert lab.own(kit).code == 0
        self.files = copied(kit.root)
        self.tree = kit.tree()
        self._model = kit.model
        self._made = 0

    def kit(self) -> Kit:
        self._made += 1
        kit = self.lab.kit(f"built-{self._made}")
        put(kit.root, self.files)
        kit.model.script, kit.model.version = self._model.script, self._model.version
        use(kit.model)
        return kit

    def content(self, rel: str) -> bytes:
        return next(content for name, content, _ in self.files if name == rel and isinstance(content, bytes))


def warnings(run) -> str:
    return "\n".join(event.text for event in run.of(Noticed) if event.level == "warning")


def test_ledger_that_is_cut_anywhere_costs_no_model_call(lab: MakeLab):
    """What can be believed is kept, the rest is known from the attempts; what was lost is said."""
    built = Built(lab(FIRST))
    content = built.content(LEDGER)
    ends = [at + 1 for at in range(len(content)) if content[at : at + 1] == b"\n"]
    rng = chance("ledger")
    cuts = {
        0,
        *ends[:-1],
        *(end - 1 for end in ends),
        *rng.sample(range(len(content)), some(25, len(content))),
    }
    for cut in sorted(cuts):
        kit = built.kit()
        (kit.root / LEDGER).write_bytes(content[:cut])
        run = built.lab.own(kit)
        assert run.code == 0, f"cut at {cut}: {run.end}"
        assert kit.tree() == built.tree
        if cut not in ends:
            # Cut between two lines, it looks like that of an earlier day.
            assert kit.model.noted().total() == 0, f"cut at {cut}: {kit.model.noted()}"
            has_told = any(word in warnings(run) for word in ("had lost", "cut off", "cut short"))
            # Without the last line break nothing is lost.
            assert has_told or cut + 1 == len(content), f"cut at {cut}"
        again = built.lab.own(kit)
        assert (again.code, again.landed) == (0, []), f"cut at {cut}"
        built.lab.drop(kit)


@pytest.mark.parametrize("damage", ["gone", "empty", "nothing but nuls"])
def test_ledger_that_is_lost_is_made_anew_and_said(lab: MakeLab, damage: str):
    built = Built(lab(FIRST))
    kit = built.kit()
    path = kit.root / LEDGER
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "empty" else b"\0" * 500)
    run = built.lab.own(kit)
    assert (run.code, run.landed, kit.model.noted().total()) == (0, [], 0)
    assert "the ledger had lost the landings of 001, 002" in warnings(run)
    assert kit.tree() == built.tree
    assert "had lost" not in warnings(built.lab.own(kit))


def test_landing_whose_blob_is_lost_too_is_not_made_anew(lab: MakeLab):
    built = Built(lab(FIRST))
    kit = built.kit()
    (kit.root / LEDGER).unlink()
    shutil.rmtree(kit.project.blobs_dir)
    run = built.lab.own(kit)
    assert "had lost" not in warnings(run)
    assert run.code in (0, 5)


def damages(content: bytes) -> Iterator[tuple[str, Callable[[Path], object]]]:
    rng = chance("damages", len(content))
    yield "empty", lambda path: path.write_bytes(b"")
    yield "nuls", lambda path: path.write_bytes(b"\0" * 300)
    for length in sorted({rng.randrange(len(content)) for _ in range(some(1, 5))}):
        yield f"cut at {length}", lambda path, length=length: path.write_bytes(content[:length])
    for _ in range(some(2, 10)):
        flipped = bytearray(content)
        flipped[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        yield "flipped", lambda path, flipped=flipped: path.write_bytes(flipped)
    yield "gone", lambda path: path.unlink()
    yield "a folder", lambda path: (path.unlink(), path.mkdir())
    if os.geteuid():
        yield "not readable", lambda path: path.chmod(0)


def of_each_kind(files: list) -> list[str]:
    """One file of ours of each kind; the plan is the user's, and a stage is made anew anyway."""
    chosen: dict[str, str] = {}
    for rel, content, _ in files:
        if rel.startswith(".ossature/") and isinstance(content, bytes) and content and "/work/" not in rel:
            kind = rel.split("/")[1] + ("" if "/blobs/" in rel else rel.rpartition(".")[2])
            chosen.setdefault(rel if TRIES_ALL else kind, rel)
    return [rel for rel in chosen.values() if not rel.endswith("plan.toml")]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", [FIRST, WHOLE], ids=lambda one: one.name)
def test_any_damage_is_a_sentence_or_no_matter(lab: MakeLab, scenario: Scenario):
    built = Built(lab(scenario))
    for rel in of_each_kind(built.files):
        for what, damage in damages(built.content(rel)):
            kit = built.kit()
            damage(kit.root / rel)
            where = f"{rel}: {what}"
            try:
                kit.look()
            except OssatureError as error:
                assert rel in str(error), where
            try:
                run = built.lab.own(kit)
            except OssatureError as error:
                assert error.exit_code == Exit.FAILED, where
                assert rel in str(error), f"{where}: {error}"
            else:
                assert not list(kit.root.rglob("crash.log")), where
                assert run.code == 0 or rel in run.end.reason, f"{where}: {run.end}"
                assert kit.tree() == built.tree, where
            built.lab.drop(kit)


@pytest.mark.parametrize("name", ["ledger.jsonl", "events.jsonl"])
def test_future_format_is_refused_with_the_way_on(lab: MakeLab, name: str):
    built = Built(lab(FIRST))
    kit = built.kit()
    (path,) = kit.root.glob(f".ossature/**/{name}")
    first, _, rest = path.read_bytes().partition(b"\n")
    record = json.loads(decode_line(first) or b"")
    if name == "ledger.jsonl":
        record["format"] = 99
    else:
        record["event"]["schema_number"] = 99
        # A run without an end: a later one may not close what it cannot read.
        rest = rest.rstrip(b"\n").rpartition(b"\n")[0] + b"\n"
    path.write_bytes(encode_line(json.dumps(record).encode()) + b"\n".join([b"", rest]).lstrip(b"\n"))
    with pytest.raises(OssatureError, match="has format 99") as caught:
        built.lab.own(kit)
    assert (caught.value.exit_code, caught.value.hint) == (Exit.USAGE, "update ossature")


class TestSmallFiles:
    """Every cut, and thousands of flipped bits: the loader never raises and believes nothing wrong."""

    FLIPS = 1_500

    def versions(self, content: bytes, name: str) -> Iterator[bytes]:
        for length in range(len(content)):
            yield content[:length]
        rng = chance(name)
        for _ in range(self.FLIPS):
            flipped = bytearray(content)
            flipped[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            yield bytes(flipped)

    def test_index_of_exchanges(self, tmp_path: Path):
        exchanges = Exchanges(tmp_path / "exchanges", tmp_path / "tasks")
        folders = {}
        for number, text in enumerate(("one", "two"), 1):
            log = open_attempt(exchanges.tasks_dir, "l-0000", "r", number, "implement")
            log.finish_response(text)
            log.write_meta({"request_digest": digest_text(text)})
            exchanges.record(digest_text(text), log.folder)
            folders[text] = log.folder
        path = exchanges.folder / f"{digest_text('one')}.json"
        for content in self.versions(path.read_bytes(), "index"):
            path.write_bytes(content)
            assert exchanges.find(digest_text("one")) in ([], [folders["one"]])

    def test_stamp(self, tmp_path: Path):
        for name in (
            "ossature.toml",
            ".ossature/plan.toml",
            ".ossature/ledger.jsonl",
            "output/a",
            "specs/a.smd",
        ):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("")
            os.utime(tmp_path / name, (1, 1))
        stamping = Stamping(load_project(tmp_path, {}))
        # As if everything had been written long before the look.
        stamping._at_ns += 60_000_000_000
        stamping.write(3, ["a"], [])
        path = tmp_path / ".ossature" / "work" / "up-to-date.json"
        assert read_stamp(str(tmp_path)) == 3
        for content in self.versions(path.read_bytes(), "stamp"):
            path.write_bytes(content)
            assert read_stamp(str(tmp_path)) is None

    def test_letter(self, tmp_path: Path):
        letter = Letter(message=Skip(question_id="q1", by="somebody", id="1"))
        inbox.drop(tmp_path, letter)
        (path,) = tmp_path.iterdir()
        whole = path.read_bytes()
        for content in self.versions(whole, "letter"):
            path.write_bytes(content)
            found = inbox.collect(tmp_path)
            # Every letter is one line of JSON: cut, it is none. A flipped bit may give another name.
            assert len(found) <= 1
            assert not found or len(content) == len(whole)
            for left in tmp_path.iterdir():
                left.unlink()
        inbox.drop(tmp_path, Letter(message=Stop()))
        assert len(inbox.collect(tmp_path)) == 1

    def test_lease(self, tmp_path: Path):
        path = tmp_path / "lease"
        whole = b'{"pid": 12, "host": "box", "since": "2026-01-02T03:04:05+00:00", "run": "r-1"}\n'
        for content in self.versions(whole, "lease"):
            path.write_bytes(content)
            dead = read_dead(path)
            assert (dead is None) == (not content)

    def test_draft(self, tmp_path: Path):
        inbox.save_draft(tmp_path, "q1", "some words\n" * 10)
        (path,) = tmp_path.iterdir()
        for content in self.versions(path.read_bytes(), "draft"):
            path.write_bytes(content)
            assert inbox.read_draft(tmp_path, "q1") == content.decode("utf-8", "replace")
