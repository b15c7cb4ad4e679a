"""What must hold for the hash-pinned requirements, whoever wrote them anew."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
LOCKS = ("run.txt", "dev.txt")
PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^ ;\\]+)", re.MULTILINE)


def read_lock(name: str) -> str:
    return (ROOT / "requirements" / name).read_text(encoding="utf-8")


def pins(name: str) -> dict[str, str]:
    return {match["name"]: match["version"] for match in PIN.finditer(read_lock(name))}


@pytest.mark.parametrize("name", LOCKS)
def test_lock_names_no_index(name: str):
    assert not re.search(r"://|file:|^\s*-[-a-z]*(index|find-links|trusted)", read_lock(name), re.MULTILINE)


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_carries_a_hash(name: str):
    entries = re.split(r"^(?=[a-z0-9])", read_lock(name), flags=re.MULTILINE)[1:]
    assert len(entries) > 30
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("name", LOCKS)
def test_known_bad_litellm_is_not_pinned(name: str):
    assert pins(name)["litellm"] not in {"1.82.7", "1.82.8", "1.107.0"}


def test_dev_lock_holds_the_run_lock():
    assert pins("run.txt").items() <= pins("dev.txt").items()
