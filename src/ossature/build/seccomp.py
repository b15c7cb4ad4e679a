"""The system call filter of a sandboxed command, as a BPF program made without any library."""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
"""Offsets in `struct seccomp_data`; an argument has 8 bytes, the low half first."""
_X32_BIT = 0x40000000
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_SOCK_RAW, _TYPE_BITS = 3, 0xF
"""The type of a socket is in the low bits; the others are flags."""
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_NEW_NAMESPACES = 0x7E020080
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWTIME."""
_EVERYBODY = 0xFFFFFFFF
"""-1: all processes that a signal may be sent to."""
_SET_ID_BITS = 0o6000
_CREATES = 0x40 | 0x400000
"""O_CREAT and the bit of O_TMPFILE: an `open` that has a mode."""
_PERSONALITIES = (0x0, 0x8, 0x40000, 0xFFFFFFFF)
"""Plain Linux, 32-bit names, addresses that are not random (sanitizers), and the question what it is."""


@dataclass(frozen=True, slots=True)
class _Machine:
    """What differs from one processor to the other."""

    audit: int
    """AUDIT_ARCH_*: calls by another convention are refused."""
    socket: int
    socketpair: int
    ioctl: int
    clone: int
    personality: int
    kill: int
    truncate: int
    modes: Mapping[int, int]
    """Call that sets a file's mode -> which of its arguments the mode is."""
    opens: Mapping[int, int]
    """Call that may make a file -> which argument its flags are; the mode is the next."""
    denied: Mapping[str, int]
    shared_memory: Mapping[str, int]
    has_x32: bool = False


_SAME_EVERYWHERE = {
    "pidfd_getfd": 438,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "mount_setattr": 442,
}
_CLONE3, _OPENAT2, _FCHMODAT2 = 435, 437, 452

_MACHINES: Mapping[str, _Machine] = {
    "x86_64": _Machine(
        audit=0xC000003E,
        socket=41,
        socketpair=53,
        ioctl=16,
        clone=56,
        personality=135,
        kill=62,
        truncate=76,
        modes={85: 1, 90: 1, 91: 1, 133: 1, 259: 2, 268: 2, _FCHMODAT2: 2},
        opens={2: 1, 257: 2},
        denied={
            "ptrace": 101, "syslog": 103, "modify_ldt": 154, "pivot_root": 155, "chroot": 161, "acct": 163,
            "settimeofday": 164, "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168, "reboot": 169,
            "sethostname": 170, "setdomainname": 171, "iopl": 172, "ioperm": 173, "init_module": 175,
            "delete_module": 176, "quotactl": 179, "clock_settime": 227, "kexec_load": 246, "add_key": 248,
            "request_key": 249, "keyctl": 250, "unshare": 272, "perf_event_open": 298, "fanotify_init": 300,
            "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311,
            "kcmp": 312, "finit_module": 313, "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323,
        },
        shared_memory={"shmget": 29, "semget": 64, "msgget": 68, "mq_open": 240},
        has_x32=True,
    ),
    "aarch64": _Machine(
        audit=0xC00000B7,
        socket=198,
        socketpair=199,
        ioctl=29,
        clone=220,
        personality=92,
        kill=129,
        truncate=45,
        modes={33: 2, 52: 1, 53: 2, _FCHMODAT2: 2},
        opens={56: 2},
        denied={
            "umount2": 39, "mount": 40, "pivot_root": 41, "chroot": 51, "quotactl": 60, "acct": 89,
            "unshare": 97, "kexec_load": 104, "init_module": 105, "delete_module": 106, "clock_settime": 112,
            "syslog": 116, "ptrace": 117, "reboot": 142, "sethostname": 161, "setdomainname": 162,
            "settimeofday": 170, "add_key": 217, "request_key": 218, "keyctl": 219, "swapon": 224,
            "swapoff": 225, "perf_event_open": 241, "fanotify_init": 262, "open_by_handle_at": 265,
            "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "finit_module": 273,
            "bpf": 280, "userfaultfd": 282, "kexec_file_load": 294,
        },
        shared_memory={"mq_open": 180, "msgget": 186, "semget": 190, "shmget": 194},
    ),
}  # fmt: skip
_ALIASES = {"amd64": "x86_64", "arm64": "aarch64"}


def filter_program(
    *, has_sockets: bool, is_namespaced: bool, may_truncate: bool = True, machine: str = ""
) -> bytes | None:
    """The program, 8 bytes an instruction; None for a *machine* (default: this one) that we have no table of.

    A denied call fails with EPERM, a socket of another family with EAFNOSUPPORT, `clone3` and `openat2` with
    ENOSYS (their flags are in memory, out of sight, and libraries fall back to the older call); a call of a
    foreign kind kills. No file gets a set-user-ID or set-group-ID bit, which it would keep outside.
    *has_sockets*: it may make UNIX and internet sockets, else pairs alone. *is_namespaced*: it has processes
    and shared memory of its own, else those of the machine are out of bounds as far as can be told here.
    *may_truncate*: something else watches which files are cut.
    """
    name = machine or platform.machine()
    known = _MACHINES.get(_ALIASES.get(name, name))
    if known is None:
        return None
    denied = [*known.denied.values(), *_SAME_EVERYWHERE.values()]
    if not is_namespaced:
        denied += known.shared_memory.values()
    if not may_truncate:
        denied.append(known.truncate)
    program = [
        _step(_LOAD, _ARCH),
        _step(_EQUAL, known.audit, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
    ]
    if known.has_x32:
        program += [_step(_AT_LEAST, _X32_BIT, 0, 1), _step(_RETURN, _KILL)]
    for number in sorted(denied):
        program += [_step(_EQUAL, number, 0, 1), _refuse(errno.EPERM)]
    for number in (_CLONE3, _OPENAT2):
        program += [_step(_EQUAL, number, 0, 1), _refuse(errno.ENOSYS)]
    program += _when(known.socket, _socket_rules() if has_sockets else [_refuse(errno.EAFNOSUPPORT)])
    # The two ends of a pair know nobody but each other.
    program += _when(known.socketpair, _one_of((_AF_UNIX,), 0, errno.EAFNOSUPPORT))
    program += _when(known.ioctl, _none_of((_TIOCSTI, _TIOCLINUX), 1))
    program += _when(known.personality, _one_of(_PERSONALITIES, 0, errno.EPERM))
    if not is_namespaced:
        program += _when(known.kill, _none_of((_EVERYBODY,), 0))
    program += _when(known.clone, _no_bit(_NEW_NAMESPACES, 0))
    for number, mode in known.modes.items():
        program += _when(number, _no_bit(_SET_ID_BITS, mode))
    for number, flags in known.opens.items():
        rules = _no_bit(_SET_ID_BITS, flags + 1)
        makes_files = [_load_argument(flags), _step(_ANY_BIT, _CREATES, 0, len(rules))]
        program += _when(number, [*makes_files, *rules])
    program.append(_step(_RETURN, _ALLOW))
    return b"".join(program)


def _socket_rules() -> list[bytes]:
    # What is left out: netlink, packet, vsock, AF_ALG and all the rest.
    families = _one_of((_AF_UNIX, _AF_INET, _AF_INET6), 0, errno.EAFNOSUPPORT)
    raw = [_step(_AND, _TYPE_BITS), _step(_EQUAL, _SOCK_RAW, 0, 1), _refuse(errno.EPERM)]
    return [*families, _load_argument(1), *raw]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """`struct sock_filter`."""
    return struct.pack("<HBBI", code, if_true, if_false, value)


def _refuse(number: int) -> bytes:
    return _step(_RETURN, _ERRNO | number)


def _load_argument(index: int) -> bytes:
    """The low half of an argument, which is all that the kernel looks at where it takes an int."""
    return _step(_LOAD, _ARGUMENTS + 8 * index)


def _when(number: int, rules: Sequence[bytes]) -> list[bytes]:
    """*rules* for one system call; they fall through to the next ones, with the number loaded again."""
    body = [*rules, _step(_LOAD, _NUMBER)]
    return [_step(_EQUAL, number, 0, len(body)), *body]


def _one_of(values: Sequence[int], argument: int, number: int) -> list[bytes]:
    """Refuse with errno *number* unless the argument is one of *values*."""
    last = len(values)
    tests = [_step(_EQUAL, value, last - index, 0) for index, value in enumerate(values)]
    return [_load_argument(argument), *tests, _refuse(number)]


def _no_bit(bits: int, argument: int) -> list[bytes]:
    """Refuse with EPERM where the argument has one of *bits*."""
    return [_load_argument(argument), _step(_ANY_BIT, bits, 0, 1), _refuse(errno.EPERM)]


def _none_of(values: Sequence[int], argument: int) -> list[bytes]:
    """Refuse with EPERM where the argument is one of *values*."""
    rules = [_load_argument(argument)]
    for value in values:
        rules += [_step(_EQUAL, value, 0, 1), _refuse(errno.EPERM)]
    return rules
