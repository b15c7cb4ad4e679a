"""The sandbox of bubblewrap: namespaces, a root made of what a command needs, a filter of system calls."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ossature.build.cage import HOME, STAGE, TEMP, TOOLS, WITHOUT_PTRACE, Folders, Policy, folders_of
from ossature.build.process import Launch
from ossature.build.reach import SYSTEM_DIRS, readable_roots, system_files, without
from ossature.build.seccomp import filter_program

PROTECTED = (
    ".git/hooks", ".git/config", ".hg/hgrc", ".envrc", ".vscode", ".idea", ".mcp.json", ".claude", ".codex",
    ".cursor", "AGENTS.md", "CLAUDE.md", "ossature.toml", ".ossature", ".bashrc", ".profile", ".zshrc",
)  # fmt: skip
"""In a stage, where it has them: read by programs of the user's, so no command of a build writes them."""

_UID = 1000
_PASSWD = f"sandbox:x:{_UID}:{_UID}::{HOME}:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
_GROUP = f"sandbox:x:{_UID}:\nnogroup:x:65534:\n"
_HOSTS = "127.0.0.1 localhost\n::1 localhost\n"
_SHM_BYTES = 256 * 1024 * 1024
_KERNEL_SWITCHES = ("sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi", "mtrr", "pressure")
"""Below /proc: what changes the machine, not the process."""
_KERNEL_SECRETS = ("kcore", "keys", "timer_list")
_OPTIONAL = ("--disable-userns", "--size")


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """A bubblewrap program, and what it can do."""

    path: Path
    flags: frozenset[str]
    """Those of `_OPTIONAL` that it has and that work here."""
    mounts_proc: bool = True
    """A fresh /proc is to be had; within many containers it is not."""


@dataclass(frozen=True)
class BubblewrapCage:
    """Shuts commands in with `bwrap`."""

    bwrap: Bubblewrap
    policy: Policy
    _readable: dict[tuple[str, Path | None], list[str]] = field(default_factory=dict, compare=False)

    def enter(self, command: str, *, cwd: Path, environ: Mapping[str, str]) -> Launch:
        folders = folders_of(cwd, environ)
        code = filter_program(has_sockets=True, is_namespaced=True)
        fds: list[int] = []
        try:
            argv = [str(self.bwrap.path)]
            if code is not None:
                fds.append(_memory_file(code))
                argv += ["--seccomp", str(fds[-1])]
            texts: list[str] = []
            for path, text in (("/etc/passwd", _PASSWD), ("/etc/group", _GROUP), ("/etc/hosts", _HOSTS)):
                fds.append(_memory_file(text.encode()))
                texts += ["--ro-bind-data", str(fds[-1]), path]
            # Not on the command line, which the command could read as that of process 1.
            arguments = [*self._namespaces(), *self._mounts(folders, environ), *texts, *self._closing()]
            fds.append(_memory_file("\0".join(arguments).encode(errors="surrogateescape") + b"\0"))
            argv += ["--args", str(fds[-1]), "--", "/bin/sh", "-c", f"{self._shell_limits()}{command}"]
        except BaseException:
            for fd in fds:
                os.close(fd)
            raise
        return Launch(
            argv=argv,
            cwd=cwd,
            environ=_inside(environ, folders),
            options=["bwrap", *self.policy.limits.options()],
            fds=fds,
            names={STAGE: "."},
        )

    def _namespaces(self) -> list[str]:
        arguments = ["--unshare-all", "--unshare-user", "--uid", str(_UID), "--gid", str(_UID)]
        arguments += ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "sandbox"]
        if self.policy.has_network:
            arguments.append("--share-net")
        if "--disable-userns" in self.bwrap.flags:
            arguments.append("--disable-userns")
        return arguments

    def _mounts(self, folders: Folders, environ: Mapping[str, str]) -> list[str]:
        """Later mounts lie over earlier ones."""
        arguments = [*self._system(environ, folders.tools), "--dev", "/dev"]
        if "--size" in self.bwrap.flags:
            arguments += ["--size", str(_SHM_BYTES), "--tmpfs", "/dev/shm"]
        arguments += self._proc()
        arguments += ["--dir", "/run", "--dir", "/var", "--symlink", "../tmp", "/var/tmp"]
        arguments += ["--bind", str(folders.temp), TEMP, "--bind", str(folders.home), HOME]
        if folders.tools is not None:
            arguments += ["--ro-bind", str(folders.tools), TOOLS]
        way = "--ro-bind" if self.policy.mode == "read-only" else "--bind"
        arguments += [way, str(folders.stage), STAGE]
        for name in PROTECTED:
            path = folders.stage / name
            if path.exists() and path.resolve().is_relative_to(folders.stage.resolve()):
                arguments += ["--ro-bind", str(path), f"{STAGE}/{name}"]
        return [*arguments, "--chdir", STAGE]

    def _system(self, environ: Mapping[str, str], tools: Path | None) -> list[str]:
        """What is read of this machine; looked up once, for it takes longer than to start a sandbox."""
        key = (environ.get("PATH", ""), tools)
        if key not in self._readable:
            hidden = self.policy.hidden
            arguments: list[str] = []
            for name in SYSTEM_DIRS:
                for path in without(Path(name), hidden):
                    arguments += _read_only(path)
            for path in system_files(has_network=self.policy.has_network):
                arguments += ["--ro-bind", str(path), str(path)]
            for path in readable_roots(environ, tools, hidden):
                arguments += ["--ro-bind", str(path), str(path)]
            self._readable[key] = arguments
        return self._readable[key]

    def _proc(self) -> list[str]:
        if not self.bwrap.mounts_proc:
            return ["--tmpfs", "/proc"]
        arguments = ["--proc", "/proc"]
        for name in _KERNEL_SWITCHES:
            # Root owns them, whatever root is called within, and bubblewrap itself takes them for closed.
            arguments += ["--ro-bind-try", f"/proc/{name}", f"/proc/{name}"]
        for name in _KERNEL_SECRETS:
            if Path("/proc", name).exists():
                arguments += ["--ro-bind", "/dev/null", f"/proc/{name}"]
        return arguments

    def _closing(self) -> list[str]:
        """What is made in memory on the way is not for the command to fill."""
        closed = ["--remount-ro", "/dev", "--remount-ro", "/"]
        return closed if self.bwrap.mounts_proc else ["--remount-ro", "/proc", *closed]

    def _shell_limits(self) -> str:
        """Within the namespace only the command's own processes are counted, so this limit is set there."""
        number = self.policy.limits.processes
        limit = f"{{ ulimit -u {number} || ulimit -p {number}; }} 2>/dev/null; " if number else ""
        return f"ulimit -c 0; {limit}"


def optional_flags(help_text: str) -> frozenset[str]:
    """Those flags that we would use and that this bubblewrap has, by its `--help`."""
    return frozenset(flag for flag in _OPTIONAL if flag in help_text)


def _read_only(path: Path) -> list[str]:
    if path.is_symlink():
        return ["--symlink", str(path.readlink()), str(path)]
    return ["--ro-bind", str(path), str(path)] if path.exists() else []


def _inside(environ: Mapping[str, str], folders: Folders) -> dict[str, str]:
    """*environ* with our folders where the command finds them."""
    path = environ.get("PATH", "").split(os.pathsep)
    if folders.tools is not None:
        path[0] = TOOLS
    return {**environ, **WITHOUT_PTRACE, "HOME": HOME, "TMPDIR": TEMP, "PATH": os.pathsep.join(path)}


def _memory_file(content: bytes) -> int:
    fd = os.memfd_create("ossature")
    with open(fd, "wb", closefd=False) as file:
        file.write(content)
    # Its reader begins where we stopped.
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def candidates(path: Path, flags: frozenset[str]) -> Sequence[Bubblewrap]:
    """Ways to use the program at *path*, best first."""
    ways = [flags, flags - {"--disable-userns"}] if "--disable-userns" in flags else [flags]
    return [Bubblewrap(path, way, mounts) for mounts in (True, False) for way in ways]
