"""The sandbox of macOS, `sandbox-exec`: written from its documentation, not tested by us."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ossature.build.cage import Folders, Policy, folders_of, neutral_names
from ossature.build.process import Launch
from ossature.build.reach import SYSTEM_DIRS, readable_roots, without

SANDBOX_EXEC = Path("/usr/bin/sandbox-exec")
_READABLE = (
    "/private/etc/ssl/cert.pem",
    "/private/etc/localtime",
    "/private/var/db/timezone",
    "/dev",
    "/usr/share",
)
_WRITABLE_DEVICES = ("/dev/null", "/dev/zero", "/dev/dtracehelper")


@dataclass(frozen=True)
class SeatbeltCage:
    """Shuts commands in by a profile that denies what it does not name."""

    policy: Policy

    def enter(self, command: str, *, cwd: Path, environ: Mapping[str, str]) -> Launch:
        folders = folders_of(cwd, environ)
        argv = [str(SANDBOX_EXEC), "-p", self.profile(folders, environ), "/bin/sh", "-c"]
        return Launch(
            argv=[*argv, f"{self._shell_limits()}{command}"],
            cwd=cwd,
            environ=environ,
            names=neutral_names(folders),
        )

    def profile(self, folders: Folders, environ: Mapping[str, str]) -> str:
        """In Seatbelt's own language."""
        hidden = self.policy.hidden
        readable = [path for name in SYSTEM_DIRS for path in without(Path(name), hidden) if path.exists()]
        readable += [Path(name) for name in _READABLE]
        readable += readable_roots(environ, folders.tools, hidden)
        readable += [path for path in folders if path is not None]
        writable = [folders.home, folders.temp]
        if self.policy.mode != "read-only":
            writable.append(folders.stage)
        lines = [
            "(version 1)",
            "(deny default)",
            "(allow process-fork process-exec)",
            "(allow signal (target same-sandbox))",
            "(allow process-info* (target same-sandbox))",
            "(allow sysctl-read)",
            '(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))',
            "(allow ipc-posix-sem)",
            # Programs walk down to their files; names and times are all that this shows.
            "(allow file-read-metadata)",
            f"(allow file-read* {_subpaths(readable)})",
            f"(allow file-write* {_subpaths(writable)})",
            f"(allow file-write-data {' '.join(f'(literal {_quoted(name)})' for name in _WRITABLE_DEVICES)})",
        ]
        if self.policy.has_network:
            lines.append("(allow network*)")
        return "\n".join(lines)

    def _shell_limits(self) -> str:
        """By the shell, since nobody stands between; blocks of 512 bytes."""
        limits = self.policy.limits
        files = f"ulimit -f {limits.file_mib * 2048}; " if limits.file_mib else ""
        descriptors = f"ulimit -n {limits.open_files}; " if limits.open_files else ""
        return f"ulimit -c 0; {files}{descriptors}"


def _subpaths(paths: list[Path]) -> str:
    # Seatbelt goes by real paths: /tmp is a link there.
    return " ".join(f"(subpath {_quoted(os.path.realpath(path))})" for path in dict.fromkeys(paths))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
