"""Finds the best sandbox that works on this machine, by trying it out once."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ossature.build.bubblewrap import Bubblewrap, BubblewrapCage, candidates, optional_flags
from ossature.build.cage import Cage, Policy
from ossature.build.command import Action, LocalExecutor
from ossature.build.landlock import LandlockCage, abi_version
from ossature.build.seatbelt import SANDBOX_EXEC, SeatbeltCage
from ossature.domain.sandbox import SandboxTier
from ossature.errors import DiskError
from ossature.store.disk import write_atomic

_PROFILE = 1
"""Counted up when what is tried out changes."""
_TRY_S = 20.0
_BWRAP = Path("/usr/bin/bwrap")
"""First, since some systems grant namespaces to this path alone."""


class Found(NamedTuple):
    """What works here."""

    tier: SandboxTier
    cage: Cage | None
    """None: nothing does."""
    reasons: tuple[str, ...] = ()
    """Why better tiers do not, in words."""


@dataclass(frozen=True)
class Machine:
    """The machine that commands are to run on, as far as sandboxes are concerned."""

    environ: Mapping[str, str]
    project_root: Path

    def find(self, policy: Policy, *, tier: SandboxTier | None = None) -> Found:
        """The best tier that works, or *tier* alone."""
        reasons: list[str] = []
        for name, cage, reason in self._ways(policy):
            if tier not in (None, name):
                continue
            problem = reason if cage is None else self._problem_of(name, cage)
            if cage is not None and not problem:
                return Found(name, cage, tuple(reasons))
            reasons.append(problem)
        return Found("none", None, tuple(dict.fromkeys(reasons)))

    def bwrap(self) -> Path | None:
        """A bubblewrap that is neither ours to build nor the project's to bring along."""
        entries = [entry for entry in self.environ.get("PATH", "").split(os.pathsep) if entry.startswith("/")]
        # Last, where a package of Python's index puts one.
        entries.append(str(Path(sys.executable).parent))
        for path in (_BWRAP, *(Path(entry, "bwrap") for entry in entries)):
            real = path.resolve()
            is_own = any(one.is_relative_to(self.project_root.resolve()) for one in (real, path))
            if os.access(real, os.X_OK) and real.is_file() and not is_own:
                return path
        return None

    def landlock_abi(self) -> int:
        """0 where the kernel has none."""
        return abi_version()

    def try_out(self, cage: Cage) -> str:
        """Run `true` in *cage*; what is wrong in one line, empty when all is well."""
        with tempfile.TemporaryDirectory(prefix="ossature-") as name:
            slot = Path(name).resolve()
            environ = {"PATH": self.environ.get("PATH", ""), "HOME": f"{slot}/home", "TMPDIR": f"{slot}/tmp"}
            for folder in ("tree", "home", "tmp"):
                (slot / folder).mkdir()
            action = Action("true", slot / "tree", environ, _TRY_S, slot / "log")
            finished = asyncio.run(LocalExecutor(cage).run(action))
        if finished.exit_status == 0 and not finished.is_timed_out:
            return ""
        said = (finished.head.strip().splitlines() or [""])[-1]
        return said or finished.note or f"exit {finished.exit_status}"

    def _ways(self, policy: Policy) -> Iterator[tuple[SandboxTier, Cage | None, str]]:
        """Tiers with their cages, best first; without one, why there is none."""
        if sys.platform == "darwin":
            exists = SANDBOX_EXEC.is_file()
            yield "seatbelt", SeatbeltCage(policy) if exists else None, f"{SANDBOX_EXEC} is missing"
            return
        if sys.platform != "linux":
            yield "none", None, f"there is no sandbox for {sys.platform}"
            return
        path = self.bwrap()
        if path is None:
            yield "bubblewrap", None, "bubblewrap is not installed"
            yield "bubblewrap-nested", None, "bubblewrap is not installed"
        else:
            for way in candidates(path, optional_flags(_help_of(path))):
                name: SandboxTier = "bubblewrap" if way.mounts_proc else "bubblewrap-nested"
                yield name, BubblewrapCage(way, policy), ""
        abi = self.landlock_abi()
        none = "Landlock is not in this kernel, or switched off"
        yield "landlock", LandlockCage(abi, policy) if abi else None, none

    def _problem_of(self, name: SandboxTier, cage: Cage) -> str:
        """Try *cage* out, unless that went well since the machine was started."""
        key = self._key(name, cage)
        known = self._read_known()
        if key and key in known:
            return ""
        problem = self.try_out(cage)
        if problem:
            return f"{name}: {problem}"
        if key:
            self._keep_known([*known, key])
        return ""

    def _key(self, name: SandboxTier, cage: Cage) -> str:
        """What a trial holds for; empty where that cannot be told."""
        try:
            boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
            parts = [str(_PROFILE), boot, str(os.getuid()), name]
            if isinstance(cage, BubblewrapCage):
                parts += _identity(cage.bwrap)
        except OSError:
            return ""
        return " ".join(parts)

    @property
    def _cache_path(self) -> Path | None:
        home = self.environ.get("XDG_CACHE_HOME") or (
            f"{self.environ['HOME']}/.cache" if self.environ.get("HOME") else ""
        )
        return Path(home, "ossature", "sandbox.json") if home.startswith("/") else None

    def _read_known(self) -> list[str]:
        path = self._cache_path
        try:
            known = json.loads(path.read_text("utf-8")) if path else []
        except (OSError, ValueError):
            return []
        return [str(key) for key in known] if isinstance(known, list) else []

    def _keep_known(self, known: list[str]) -> None:
        """At most a few; a folder that cannot be written costs a trial next time."""
        path = self._cache_path
        if path is not None:
            with suppress(DiskError, OSError):
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                write_atomic(path, json.dumps(known[-8:]).encode())


def _identity(bwrap: Bubblewrap) -> list[str]:
    found = bwrap.path.stat()
    return [str(bwrap.path), str(found.st_mtime_ns), str(found.st_size), *sorted(bwrap.flags)]


def _help_of(path: Path) -> str:
    try:
        done = subprocess.run(
            [path, "--help"],
            capture_output=True,
            env={},
            stdin=subprocess.DEVNULL,
            timeout=_TRY_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout + done.stderr).decode("utf-8", "replace")
