"""The sandbox where no namespaces are to be had: Landlock for files, a filter of calls for the rest."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ossature.build.cage import WITHOUT_PTRACE, Policy, folders_of, neutral_names, process_limit
from ossature.build.process import Launch
from ossature.build.reach import SYSTEM_DIRS, readable_roots, system_files, without
from ossature.build.seccomp import filter_program

_CREATE_RULESET = 444
_VERSION_FLAG = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_CHANGE_DIR = 0b1111111110000
"""Remove and make entries of any kind: ABI 1."""
_MAKE_DEVICES = 1 << 6 | 1 << 11
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_TCP = 0b11
_ABSTRACT_SOCKETS, _SIGNALS = 0b01, 0b10

_READ = _EXECUTE | _READ_FILE | _READ_DIR
_FULL = _READ | _WRITE_FILE | (_CHANGE_DIR & ~_MAKE_DEVICES) | _REFER | _TRUNCATE
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_PROC_FILES = (
    "cpuinfo",
    "meminfo",
    "stat",
    "filesystems",
    "version",
    "loadavg",
    "uptime",
    "sys/vm",
    "sys/kernel",
)


def abi_version() -> int:
    """What the kernel has of Landlock; 0 for nothing, or where it is switched off."""
    if sys.platform != "linux":
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    return max(
        0, int(libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG)))
    )


def gaps_of(abi: int) -> tuple[str, ...]:
    """What this tier does less well than bubblewrap, in words, by what the kernel has."""
    found = [
        "no sockets at all, not even over a loopback of its own, no /dev/shm, and TMPDIR instead of /tmp",
        "no /proc of its own processes, so an address sanitizer that looks for leaks fails",
        "that a file of yours exists can be told, and its mode, owner and times can be changed",
    ]
    if abi < 6:
        found.append("processes of yours can be sent signals")
    if abi < 3:
        found.append("files that can be read can be emptied")
    return tuple(found)


@dataclass(frozen=True)
class LandlockCage:
    """Shuts commands in with system calls of our own; they see their folders where they are."""

    abi: int
    policy: Policy
    _rules: dict[tuple[str, Path | None], list[str]] = field(default_factory=dict, compare=False)

    def enter(self, command: str, *, cwd: Path, environ: Mapping[str, str]) -> Launch:
        folders = folders_of(cwd, environ)
        code = filter_program(
            has_sockets=self.policy.has_network, is_namespaced=False, may_truncate=self.abi >= 3
        )
        if code is None:
            raise OSError(0, "no filter of system calls for this processor")
        stage = _READ if self.policy.mode == "read-only" else _FULL
        own = [(stage, folders.stage), (_FULL, folders.home), (_FULL, folders.temp)]
        if folders.tools is not None:
            own.append((_READ, folders.tools))
        options = [
            "drop",
            "ruleset=" + ":".join(str(number) for number in self._handled()),
            *(f"rule={rights}:{path}" for rights, path in own),
            *self._system(environ, folders.tools),
            f"filter={code.hex()}",
            *self.policy.limits.options(),
            *process_limit(self.policy.limits),
        ]
        return Launch(
            argv=["/bin/sh", "-c", f"ulimit -c 0; {command}"],
            cwd=cwd,
            # /etc/gitconfig may hold keys, and a file that may not be read is fatal to git.
            environ={**environ, **WITHOUT_PTRACE, "GIT_CONFIG_NOSYSTEM": "1"},
            options=options,
            names=neutral_names(folders),
        )

    def _handled(self) -> tuple[int, int, int]:
        """Files, TCP and scopes that this kernel can refuse: all that it knows."""
        files = _READ | _WRITE_FILE | _CHANGE_DIR
        for version, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV)):
            files |= right if self.abi >= version else 0
        tcp = _TCP if self.abi >= 4 and not self.policy.has_network else 0
        return files, tcp, _ABSTRACT_SOCKETS | _SIGNALS if self.abi >= 6 else 0

    def _system(self, environ: Mapping[str, str], tools: Path | None) -> list[str]:
        key = (environ.get("PATH", ""), tools)
        if key not in self._rules:
            hidden = self.policy.hidden
            paths = [path for name in SYSTEM_DIRS for path in without(Path(name), hidden)]
            paths += system_files(has_network=self.policy.has_network)
            paths += [Path("/etc/passwd"), Path("/etc/group"), Path("/etc/hosts")]
            paths += readable_roots(environ, tools, hidden)
            paths += [Path("/proc", name) for name in _PROC_FILES]
            rules = [f"rule={_READ}:{path}" for path in dict.fromkeys(paths) if path.exists()]
            self._rules[key] = [*rules, *(f"rule={_READ_FILE | _WRITE_FILE}:{path}" for path in _DEVICES)]
        return self._rules[key]
