"""Every attack works outside, which shows that it is a real one, and fails in every sandbox, root or not."""

from __future__ import annotations

import ast
import os
import stat
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.sandbox.world import World, made, why_no_other_user

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these sandboxes are Linux's")

TIERS = ("bubblewrap", "bubblewrap-nested", "landlock")
USERS = ("root", "user")
GAPS = {
    ("landlock", "chmod outside"): "Landlock has no say in modes, owners and times",
}
"""(tier, attack) -> why it is known to work; whoever closes one has to take it off this list."""


def attacks() -> list[tuple[str, str]]:
    """(group, name) as the script registers them, in its order; read, not run."""
    source = Path(__file__).with_name("attacks.py").read_text("utf-8")
    found: list[tuple[str, str]] = []
    for node in ast.parse(source).body:
        match node:
            case ast.FunctionDef(decorator_list=[ast.Call(args=[ast.Constant(group), ast.Constant(name)])]):
                found.append((str(group), str(name)))
            case ast.For(
                iter=names, body=[ast.Expr(ast.Call(func=ast.Call(args=[ast.Constant(group), *_])))]
            ):
                keys = names.func.value.keys if isinstance(names, ast.Call) else names.elts  # type: ignore[attr-defined,union-attr]
                found += [(str(group), key.value) for key in keys]
    return found


ATTACKS = attacks()
GROUPS = tuple(dict.fromkeys(group for group, _ in ATTACKS))
SET_ID = {"set-user-ID copy": "suid", "file made set-user-ID": "born-suid"}
"""Attack -> the file that it leaves in the stage."""


@pytest.fixture(scope="module")
def worlds() -> Iterator[dict[str, World]]:
    """One of each user, as far as this machine lets us."""
    with made("user") as of_user:
        if os.geteuid() == 0:
            with made("root") as of_root:
                yield {"root": of_root, "user": of_user}
        else:
            yield {"user": of_user}


@pytest.fixture(scope="module")
def attacked(worlds: dict[str, World]):
    """(user, tier) -> what came of all attacks, by what they did outside."""

    @cache
    def run(user: str, tier: str) -> dict[str, tuple[str, str]]:
        world = worlds[user]
        found = world.attack(tier, *GROUPS)
        return {name: _seen(world, name, verdict, detail) for name, (verdict, detail) in found.items()}

    return run


def _seen(world: World, name: str, verdict: str, detail: str) -> tuple[str, str]:
    """The verdict, by what is to be seen outside where there is something to see; the world is mended."""
    if verdict == "lacks":
        return verdict, detail
    if name in SET_ID:
        path = world.stage / SET_ID[name]
        is_hit = path.exists() and bool(path.stat().st_mode & stat.S_ISUID)
        return ("hit" if is_hit else "held"), detail
    if name == "chmod outside":
        path = Path(world.files[name])
        is_changed = stat.S_IMODE(path.stat().st_mode) != 0o600
        path.chmod(0o600)
        return ("hit" if is_changed else "held"), detail
    path = Path(world.files.get(name, "/nonexistent"))
    if "OWNED" in _text(path):
        path.write_text(f"{world.canary} {name}\n")
        return "hit", f"{path} was written"
    if name in WRITES:
        return "held", detail
    if name in READS and world.canary not in detail:
        return "held", detail
    return verdict, detail


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


SAID = {"system folder", "device node", "chattr", "sysctl"}
"""Of the writes, those that leave no file to look at."""
WRITES = {name for group, name in ATTACKS if group == "writes"} - SAID
READS = {name for group, name in ATTACKS if group == "reads"} | {
    "TCP to the host's loopback",
    "TCP over IPv6",
    "UDP to the host's loopback",
    "DNS query",
    "abstract socket",
    "path socket",
    "inherited descriptor",
}


def test_there_are_sixty_attacks_and_more():
    assert len(ATTACKS) == len(set(ATTACKS)) >= 60
    assert len({name for _, name in ATTACKS}) == len(ATTACKS)
    assert GROUPS == ("writes", "reads", "network", "kernel", "resources", "bomb")


@pytest.mark.parametrize("name", [name for _, name in ATTACKS])
@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("user", USERS)
def test_attack_works_outside_and_fails_inside(attacked, user: str, tier: str, name: str):
    if user == "root" and os.geteuid() != 0:
        pytest.skip("the tests do not run as root")
    if user == "user" and (reason := why_no_other_user()):
        pytest.skip(reason)
    outside, detail = attacked(user, "outside")[name]
    if outside == "lacks":
        pytest.skip(f"nothing to attack here: {detail}")
    assert outside == "hit", f"the control does not work: {detail}"
    inside = attacked(user, tier)
    if "" in inside:
        pytest.skip(inside[""][1])
    verdict, detail = inside[name]
    if (tier, name) in GAPS:
        assert verdict == "hit", f"this gap is closed now: {detail}"
    else:
        assert verdict == "held", detail
