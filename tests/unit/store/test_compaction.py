"""A compacted ledger says the same about the present, and as much of the past as was asked for."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ossature.store.compaction import compacted, digests_in
from ossature.store.ledger import Landing, Ledger, read_history


def landing(lineage: str, number: int) -> Landing:
    digest = f"{number:064x}"
    return Landing(lineage, "001", "S", "T", ("a",), digest, "v", files={"a": digest}, run=f"r{number}")


def land(ledger: Ledger, lineage: str, number: int) -> None:
    ledger.append_landed(ledger.append_intent(landing(lineage, number), {"a": None}))


def runs_of(path: Path) -> dict[str, list[str]]:
    return {lineage: [one.run for one in found] for lineage, found in read_history(path).items()}


def shown(path: Path) -> tuple[object, ...]:
    ledger = Ledger(path)
    return list(ledger.landings.items()), ledger.open_intents, [found.code for found in ledger.diagnostics]


def test_history_tells_every_landing_of_every_task(tmp_path: Path):
    with Ledger.open(tmp_path / "l") as ledger:
        for number in range(3):
            land(ledger, "a", number)
        land(ledger, "b", 7)
        ledger.append_abandoned(ledger.append_intent(landing("a", 8), {}))
        ledger.append_intent(landing("a", 9), {})
    assert runs_of(tmp_path / "l") == {"a": ["r0", "r1", "r2"], "b": ["r7"]}
    assert read_history(tmp_path / "missing") == {}


def test_the_last_landings_of_each_task_stay(tmp_path: Path):
    path = tmp_path / "l"
    with Ledger.open(path) as ledger:
        for number in range(6):
            land(ledger, "a", number)
            land(ledger, "b", 10 + number)
        land(ledger, "c", 20)
    found = compacted(path.read_bytes(), keep=2)
    assert found.left_out == 8
    before = shown(path)
    path.write_bytes(found.content)
    assert runs_of(path) == {"a": ["r4", "r5"], "b": ["r14", "r15"], "c": ["r20"]}
    assert shown(path) == before
    assert f"{3:064x}" not in set(digests_in(found.content))
    assert compacted(found.content, keep=2) == (found.content, 0)


@pytest.mark.parametrize("keep", [1, 2, 5])
@pytest.mark.parametrize("seed", range(40))
def test_the_present_is_the_same_after_any_history(tmp_path: Path, seed: int, keep: int):
    chance = random.Random(seed)
    path = tmp_path / "l"
    with Ledger.open(path) as ledger:
        for number in range(60):
            lineage = chance.choice("abcd")
            match chance.randrange(8):
                case 0 if ledger.landings:
                    ledger.append_dropped(chance.choice(list(ledger.landings)))
                case 1:
                    ledger.append_intent(landing(lineage, number), {})
                case 2 if ledger.open_intents:
                    ledger.append_abandoned(chance.choice(ledger.open_intents).id)
                case _:
                    land(ledger, lineage, number)
    lines = path.read_bytes().splitlines(keepends=True)
    lines.insert(chance.randrange(1, len(lines)), b"<<<<<<< ours\n")
    lines.insert(chance.randrange(1, len(lines)), b"damaged " + lines[-1])
    lines += [lines[chance.randrange(len(lines))], b"a torn li"]
    path.write_bytes(b"".join(lines))
    before, history = shown(path), runs_of(path)
    path.write_bytes(compacted(path.read_bytes(), keep=keep).content)
    assert shown(path) == before
    assert runs_of(path) == {lineage: runs[-keep:] for lineage, runs in history.items()}
    for one in Ledger(path).landings.values():
        assert one.files["a"] in set(digests_in(path.read_bytes()))


def test_what_this_version_does_not_know_stays(tmp_path: Path):
    from ossature.store.checked_lines import encode_line

    line = encode_line(b'{"t":"kept","path":"a","digest":"%s"}' % (b"ab" * 32))
    assert compacted(line, keep=1).content == line
    assert list(digests_in(line)) == ["ab" * 32]


def test_only_whole_digests_are_names_of_blobs():
    assert list(digests_in(b'"%s" x%sy "%s"' % (b"1" * 64, b"2" * 64, b"3" * 65))) == ["1" * 64, "2" * 64]
