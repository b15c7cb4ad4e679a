"""The filter decides as it should on both processors, by an interpreter of our own."""

from __future__ import annotations

import errno
import struct

import pytest

from ossature.build.seccomp import filter_program

ALLOW, KILL = "allow", "kill"
X86, ARM = "x86_64", "aarch64"
AUDIT = {X86: 0xC000003E, ARM: 0xC00000B7}


def decide(program: bytes, number: int, *arguments: int, audit: int) -> str:
    """What the program says of one call: `allow`, `kill`, or the name of an errno."""
    given = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, audit, 0, *(*arguments, *[0] * 6)[:6])
    accumulator = position = 0
    while True:
        code, if_true, if_false, value = struct.unpack_from("<HBBI", program, 8 * position)
        position += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", given, value)
            case 0x54:
                accumulator &= value
            case 0x15 | 0x35 | 0x45:
                holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: accumulator & value}
                position += if_true if holds[code] else if_false
            case 0x06:
                if value == 0x7FFF0000:
                    return ALLOW
                return KILL if value == 0x80000000 else errno.errorcode[value & 0xFFFF]
            case _:
                raise AssertionError(f"instruction {code:#x}")


def says(machine: str, number: int, *arguments: int, audit: int = 0, **options) -> str:
    wanted = {"has_sockets": True, "is_namespaced": True, **options}
    program = filter_program(machine=machine, **wanted)
    assert program is not None
    return decide(program, number, *arguments, audit=audit or AUDIT[machine])


CALLS = [
    # what, (x86_64, aarch64), arguments, what the filter says
    ("read", (0, 63), (3,), ALLOW),
    ("write", (1, 64), (1,), ALLOW),
    ("execve", (59, 221), (), ALLOW),
    ("kill", (62, 129), (77, 9), ALLOW),
    ("ptrace", (101, 117), (), "EPERM"),
    ("mount", (165, 40), (), "EPERM"),
    ("unshare", (272, 97), (), "EPERM"),
    ("setns", (308, 268), (), "EPERM"),
    ("keyctl", (250, 219), (), "EPERM"),
    ("bpf", (321, 280), (), "EPERM"),
    ("perf_event_open", (298, 241), (), "EPERM"),
    ("userfaultfd", (323, 282), (), "EPERM"),
    ("process_vm_readv", (310, 270), (), "EPERM"),
    ("open_by_handle_at", (304, 265), (), "EPERM"),
    ("io_uring_setup", (425, 425), (), "EPERM"),
    ("pidfd_getfd", (438, 438), (), "EPERM"),
    ("clone3", (435, 435), (), "ENOSYS"),
    ("openat2", (437, 437), (), "ENOSYS"),
    ("clone of a thread", (56, 220), (0x3D0F00,), ALLOW),
    ("clone of a user namespace", (56, 220), (0x10000011,), "EPERM"),
    ("clone of a network namespace", (56, 220), (0x40000011,), "EPERM"),
    ("socket UNIX", (41, 198), (1, 1 | 0x80000), ALLOW),
    ("socket INET", (41, 198), (2, 2), ALLOW),
    ("socket INET6", (41, 198), (10, 1), ALLOW),
    ("socket netlink", (41, 198), (16, 3), "EAFNOSUPPORT"),
    ("socket packet", (41, 198), (17, 3), "EAFNOSUPPORT"),
    ("socket AF_ALG", (41, 198), (38, 5), "EAFNOSUPPORT"),
    ("socket vsock", (41, 198), (40, 1), "EAFNOSUPPORT"),
    ("socket raw", (41, 198), (2, 3 | 0x80000), "EPERM"),
    ("socketpair UNIX", (53, 199), (1, 1), ALLOW),
    ("socketpair TIPC", (53, 199), (30, 1), "EAFNOSUPPORT"),
    ("ioctl TCGETS", (16, 29), (0, 0x5401), ALLOW),
    ("ioctl TIOCSTI", (16, 29), (0, 0x5412), "EPERM"),
    ("ioctl TIOCSTI in disguise", (16, 29), (0, 0xFFFFFFFF00005412), "EPERM"),
    ("ioctl TIOCLINUX", (16, 29), (0, 0x541C), "EPERM"),
    ("personality asked for", (135, 92), (0xFFFFFFFF,), ALLOW),
    ("personality without randomness", (135, 92), (0x40000,), ALLOW),
    ("personality with executable reads", (135, 92), (0x400000,), "EPERM"),
    ("fchmodat", (268, 53), (0, 0, 0o755), ALLOW),
    ("fchmodat set-user-ID", (268, 53), (0, 0, 0o4755), "EPERM"),
    ("fchmod set-group-ID", (91, 52), (3, 0o2755), "EPERM"),
    ("fchmodat2 set-user-ID", (452, 452), (0, 0, 0o4755), "EPERM"),
    ("mknodat set-user-ID", (259, 33), (0, 0, 0o104755), "EPERM"),
    ("openat that reads, with rubbish for a mode", (257, 56), (0, 0, 0, 0o4755), ALLOW),
    ("openat that makes a file", (257, 56), (0, 0, 0o101, 0o644), ALLOW),
    ("openat that makes a set-user-ID file", (257, 56), (0, 0, 0o101, 0o4755), "EPERM"),
]


@pytest.mark.parametrize("machine", [X86, ARM])
@pytest.mark.parametrize(("what", "numbers", "arguments", "expected"), CALLS, ids=[call[0] for call in CALLS])
def test_call_is_decided(machine: str, what: str, numbers: tuple[int, int], arguments, expected: str):
    assert says(machine, numbers[machine == ARM], *arguments) == expected


@pytest.mark.parametrize(("machine", "number"), [(X86, 41), (ARM, 198)])
@pytest.mark.parametrize("family", [1, 2, 10, 16])
def test_without_sockets_there_are_pairs_alone(machine: str, number: int, family: int):
    assert says(machine, number, family, 1, has_sockets=False) == "EAFNOSUPPORT"
    assert says(machine, {41: 53, 198: 199}[number], 1, 1, has_sockets=False) == ALLOW


@pytest.mark.parametrize(("machine", "numbers"), [(X86, (29, 64, 68, 240)), (ARM, (180, 186, 190, 194))])
def test_shared_memory_is_denied_where_it_is_the_machines(machine: str, numbers: tuple[int, ...]):
    assert {says(machine, number) for number in numbers} == {ALLOW}
    assert {says(machine, number, is_namespaced=False) for number in numbers} == {"EPERM"}


@pytest.mark.parametrize(("machine", "kill", "truncate"), [(X86, 62, 76), (ARM, 129, 45)])
def test_signal_to_everybody_is_denied_where_everybody_is_there(machine: str, kill: int, truncate: int):
    assert says(machine, kill, 0xFFFFFFFFFFFFFFFF, 9) == ALLOW
    assert says(machine, kill, 0xFFFFFFFFFFFFFFFF, 9, is_namespaced=False) == "EPERM"
    assert says(machine, kill, 1234, 9, is_namespaced=False) == ALLOW
    assert says(machine, truncate) == ALLOW
    assert says(machine, truncate, may_truncate=False) == "EPERM"


def test_calls_of_another_kind_kill():
    assert says(X86, 0, audit=AUDIT[ARM]) == KILL
    assert says(X86, 0, audit=0x40000003) == KILL
    assert says(X86, 0x40000000 | 41) == KILL
    assert says(ARM, 0, audit=0x40000028) == KILL


def test_machine_by_another_name_and_one_we_do_not_know():
    assert filter_program(machine="amd64", has_sockets=True, is_namespaced=True) == filter_program(
        machine=X86, has_sockets=True, is_namespaced=True
    )
    assert filter_program(machine="s390x", has_sockets=True, is_namespaced=True) is None


def test_program_is_short_enough_for_the_kernel():
    program = filter_program(machine=X86, has_sockets=True, is_namespaced=False, may_truncate=False)
    assert program is not None
    assert len(program) % 8 == 0
    assert len(program) < 8 * 4096
