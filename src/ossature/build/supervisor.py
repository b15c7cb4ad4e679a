"""Runs one command below itself and leaves no process of it behind: a script of its own, for Linux.

`python -I -S supervisor.py OPTION… -- ARGV…`, started by `ossature.build.process`. It imports nothing of ours
and little of the library, since it is started once a command. It adopts whatever the command leaves (it is a
"subreaper"), so that even a daemon is found, and it ends everything when its lifeline closes, which the
system does when the owner is killed. Exit status: the command's; 128 + n for signal n.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import sys
import time

ASK = b"T"
"""On the lifeline: ask the command to end. The end of the lifeline: kill it."""
KILLED = 128 + 9

_SIGTERM, _SIGCONT, _SIGKILL = 15, 18, 9
_IGNORED_BY_PYTHON = (13, 25)
"""PIPE and XFSZ; a program inherits what is ignored."""
_POLL_MS = 20
_WATCH_MS = 250
"""Between two looks at what the command uses."""
_KILL_S = 4.0
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 36, 38
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_PR_CAPBSET_DROP, _PR_SET_SECUREBITS, _NO_ROOT_LOCKED = 24, 28, 0b11
_CAPABILITY_VERSION_3 = 0x20080522
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1
_FILE_RIGHTS = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
"""Execute, write, read, truncate, ioctl: what Landlock takes for a path that is no folder."""

_PAGE_BYTES = resource.getpagesize()
_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


class _Ruleset(ctypes.Structure):
    """`struct landlock_ruleset_attr`."""

    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    """`struct landlock_path_beneath_attr`, which is packed."""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


class Options:
    """What the command line asks for."""

    def __init__(self, arguments: list[str]) -> None:
        cut = arguments.index("--")
        self.argv = arguments[cut + 1 :]
        self.lifeline = self.status = -1
        self.is_bwrap = self.drops_privileges = False
        self.rlimits: list[tuple[int, int]] = []
        self.processes = self.most_processes = self.most_memory = 0
        self.ruleset: list[int] = []
        self.rules: list[tuple[int, str]] = []
        self.filter = b""
        for argument in arguments[:cut]:
            self._take(*argument.split("=", 1))

    def _take(self, name: str, value: str = "") -> None:
        if name in ("lifeline", "status", "processes", "most_processes", "most_memory"):
            setattr(self, name, int(value))
        elif name == "bwrap":
            self.is_bwrap = True
        elif name == "drop":
            self.drops_privileges = True
        elif name == "rlimit":
            kind, limit = value.split(":")
            self.rlimits.append((int(kind), int(limit)))
        elif name == "ruleset":
            self.ruleset = [int(number) for number in value.split(":")]
        elif name == "rule":
            rights, path = value.split(":", 1)
            self.rules.append((int(rights), path))
        elif name == "filter":
            self.filter = bytes.fromhex(value)
        else:
            raise ValueError(name)


def main(arguments: list[str]) -> int:
    """Run the command to its end, or to the end of the lifeline."""
    options = Options(arguments)
    for fd in (options.lifeline, options.status):
        os.set_inheritable(fd, False)
    _checked(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")
    report = -1
    if options.is_bwrap:
        report, there = os.pipe()
        os.set_inheritable(there, True)
        options.argv[1:1] = ["--json-status-fd", str(there)]
    own = os.getpid()
    child = os.fork()
    if child == 0:
        _become(options, own)
    if options.is_bwrap:
        os.close(there)
    status = _watch(child, options)
    left = _kill_all(child)
    if status is None:
        status = left
    if options.is_bwrap and b'"exit-code"' not in _read(report) and status != KILLED:
        # bwrap says so only of a command that it came to start.
        os.write(options.status, b"the sandbox could not be set up")
    return KILLED if status is None else status


def _watch(child: int, options: Options) -> int | None:
    """Wait for *child*; its exit status, or None once the lifeline is closed."""
    try:
        pidfd = os.pidfd_open(child)
    except OSError:
        pidfd = -1
    poll = select.poll()
    poll.register(options.lifeline, select.POLLIN)
    if pidfd >= 0:
        poll.register(pidfd, select.POLLIN)
    asked = False
    status = None
    while True:
        ready = {fd for fd, _ in poll.poll(_WATCH_MS if pidfd >= 0 and status is None else _POLL_MS)}
        if not ready and _is_excessive(options):
            return None
        if options.lifeline in ready:
            if not os.read(options.lifeline, 1):
                return status
            asked = True
            _ask_to_end(child, is_bwrap=options.is_bwrap)
        if status is None:
            status = _status_of(child)
            if status is not None and pidfd >= 0:
                poll.unregister(pidfd)
        # What outlives a shell that was asked to end has its last words, too.
        if status is not None and not (asked and _has_children()):
            return status


def _status_of(child: int) -> int | None:
    """None while it runs."""
    pid, found = os.waitpid(child, os.WNOHANG)
    return _exit_status(found) if pid == child else None


def _is_excessive(options: Options) -> bool:
    """The command has too much of something; said where its own errors go."""
    excess = _excess(options)
    if excess:
        os.write(2, f"\nended, for it used {excess}\n".encode())
    return bool(excess)


def _excess(options: Options) -> str:
    """What the command has too much of, in words."""
    pids = _below(os.getpid())
    if options.most_processes and len(pids) > options.most_processes:
        return f"more than {options.most_processes} processes"
    limit = options.most_memory
    # What processes share is counted for each of them at first; to tell it apart takes longer.
    if limit and sum(map(_resident, pids)) > limit and sum(map(_share_of_memory, pids)) > limit:
        return f"more than {limit >> 20} MiB of memory"
    return ""


def _resident(pid: int) -> int:
    """Bytes of memory that *pid* uses, those that it shares included."""
    fields = _read_file(f"/proc/{pid}/statm").split()
    return int(fields[1]) * _PAGE_BYTES if len(fields) > 1 else 0


def _share_of_memory(pid: int) -> int:
    """Bytes of memory that *pid* uses, with its share of what it shares where the system tells that."""
    for line in _read_file(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return _resident(pid)


def _has_children() -> bool:
    """Reaps those that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _ask_to_end(child: int, *, is_bwrap: bool) -> None:
    """TERM to the command's group; a stopped process has to be woken to hear it."""
    # The first process of a PID namespace leads the group within; it is deaf to TERM itself.
    leaders = [pid for pid, parent in _parents().items() if parent == child] if is_bwrap else [child]
    for leader in leaders:
        for number in (_SIGTERM, _SIGCONT):
            _signal(-leader, number)


def _kill_all(child: int) -> int | None:
    """Kill and reap all that is below; the status of *child* if it had not been reaped yet."""
    status = None
    deadline = time.monotonic() + _KILL_S
    while True:
        try:
            pid, found = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if pid == child:
            status = _exit_status(found)
        if pid:
            continue
        # The group, too: it can be told without /proc.
        for pid in (-child, *_below(os.getpid())):
            _signal(pid, _SIGKILL)
        if time.monotonic() > deadline:
            return status
        time.sleep(0.001)


def _below(root: int) -> list[int]:
    """All descendants of *root* now."""
    parents = _parents()
    known = {root}
    while fresh := {pid for pid, parent in parents.items() if parent in known} - known:
        known |= fresh
    return [pid for pid in known if pid != root]


def _parents() -> dict[int, int]:
    """Process -> its parent."""
    found: dict[int, int] = {}
    try:
        names = os.listdir("/proc")  # noqa: PTH208  # pathlib would double the start-up time
    except OSError:
        return found
    for name in names:
        if name.isdigit():
            # After the name, which may hold anything, come state and parent.
            fields = _read_file(f"/proc/{name}/stat").rpartition(b")")[2].split()
            if len(fields) > 1:
                found[int(name)] = int(fields[1])
    return found


def _read_file(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, 4096)
    except OSError:
        return b""
    finally:
        os.close(fd)


def _read(fd: int) -> bytes:
    os.set_blocking(fd, False)
    found = b""
    try:
        while chunk := os.read(fd, 4096):
            found += chunk
    except BlockingIOError:
        pass
    return found


def _signal(pid: int, number: int) -> None:
    # contextlib would add a millisecond to the start-up.
    try:  # noqa: SIM105
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _exit_status(status: int) -> int:
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _become(options: Options, parent: int) -> None:
    """Turn this child into the command; never returns."""
    step = "set up"
    try:
        os.setsid()
        _checked(_libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0), "prctl")
        if os.getppid() != parent:
            os._exit(KILLED)
        for number in _IGNORED_BY_PYTHON:
            _libc.signal(number, None)
        _limit(options)
        if options.drops_privileges:
            _drop_privileges()
        if options.ruleset:
            _restrict(options)
        if options.filter:
            _install(options.filter)
        step = f"start {options.argv[0]}"
        os.execve(options.argv[0], options.argv, os.environ)
    except OSError as error:
        os.write(options.status, f"cannot {step}: {error.strerror} ({error.filename or ''})".encode())
    finally:
        os._exit(126)


def _limit(options: Options) -> None:
    """The soft limits and the hard ones; none is raised above what it is."""
    for kind, limit in options.rlimits:
        hard = resource.getrlimit(kind)[1]
        least = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (least, least))
    if options.processes:
        # The system counts all of the user's threads, wherever they are.
        limit = options.processes + _threads_of(os.getuid())
        hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        least = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(resource.RLIMIT_NPROC, (least, least))


def _threads_of(uid: int) -> int:
    count = 0
    for pid in _parents():
        try:
            if os.stat(f"/proc/{pid}").st_uid == uid:
                count += os.stat(f"/proc/{pid}/task").st_nlink - 2
        except OSError:
            continue
    return count


def _drop_privileges() -> None:
    """No capability for good, not even for root; needed before a filter is installed, too."""
    for number in range(64):
        # Beyond the last capability and without the right to drop one, this fails, and nothing is lost.
        _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
    _libc.prctl(_PR_SET_SECUREBITS, _NO_ROOT_LOCKED, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def _restrict(options: Options) -> None:
    """Landlock: nothing but what the rules allow."""
    attributes = _Ruleset(*options.ruleset)
    # Older kernels know a shorter structure, and take a longer one only if its rest is zero.
    size = ctypes.sizeof(attributes)
    ruleset = _checked(_libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), size, 0), "landlock")
    for rights, path in options.rules:
        try:
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        is_folder = os.stat(fd).st_mode & 0o170000 == 0o040000
        possible = options.ruleset[0] if is_folder else options.ruleset[0] & _FILE_RIGHTS
        rule = _PathBeneath(rights & possible, fd)
        added = _libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
        _checked(added, path)
        os.close(fd)
    _checked(_libc.syscall(_RESTRICT_SELF, ruleset, 0), "landlock")
    os.close(ruleset)


def _install(code: bytes) -> None:
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(buffer))
    done = _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)
    _checked(done, "seccomp")


def _checked(returned: int, what: str) -> int:
    if returned < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return returned


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
