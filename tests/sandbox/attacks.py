"""What generated code might try: a script of its own, run once outside, where it works, and once inside.

`python attacks.py GROUP…` reads `world.json` beside it, tries each attack of the groups in a child of its own
and prints a JSON line for each: [name, "hit" | "held" | "lacks", detail]. `hit`: the attack believes that it
worked; what really happened outside is for the caller to see. `lacks`: this machine has nothing to attack.
Everything is harmless: files in temporary folders, loopback sockets, calls on the process itself.
"""

import ctypes
import errno
import fcntl
import glob
import json
import mmap
import os
import platform
import resource
import signal
import socket
import struct
import sys
import time

WORLD = json.load(open("world.json"))
LIBC = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
SECONDS = 8


class Lacks(Exception):
    """This machine has no such thing."""


GROUPS = {}


def attack(group, name):
    def register(function):
        GROUPS.setdefault(group, {})[name] = function
        return function

    return register


def syscall(x86, arm, *arguments):
    """A raw call; raises OSError."""
    if platform.machine() not in ("x86_64", "aarch64"):
        raise Lacks("no table of calls for this processor")
    returned = LIBC.syscall(ctypes.c_long(x86 if X86 else arm), *arguments)
    if returned < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return returned


def is_root():
    return os.geteuid() == 0 and WORLD["is_outside_root"]


def lacks_on(error, *numbers):
    """Turn an error that means `not here` into Lacks, but only outside, where nothing else could cause it."""
    if WORLD["is_outside"] and error.errno in numbers:
        raise Lacks(error.strerror) from error
    raise error


# ------------------------------------------------------------------ writes


def append(path):
    with open(path, "a") as file:
        file.write("OWNED\n")
    return path


@attack("writes", "system folder")
def _():
    if not WORLD["is_outside_root"]:
        raise Lacks("only root may write there")
    path = f"/etc/ossature-{WORLD['canary']}"
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    os.unlink(path)
    return "made a file in /etc"


for _name in ("home file", "host tmp file", "state folder", "git hook", "project config", "sibling project"):
    attack("writes", _name)(lambda key=_name: append(WORLD["files"][key]))


@attack("writes", "through a symlink")
def _():
    os.symlink(WORLD["files"]["through a symlink"], "link")
    return append("link")


@attack("writes", "through a hard link")
def _():
    os.link(WORLD["files"]["through a hard link"], "hard")
    return append("hard")


@attack("writes", "through /proc/self/root")
def _():
    return append("/proc/self/root" + WORLD["files"]["through /proc/self/root"])


@attack("writes", "through /proc/1/root")
def _():
    try:
        return append("/proc/1/root" + WORLD["files"]["through /proc/1/root"])
    except OSError as error:
        lacks_on(error, errno.EACCES, errno.EPERM)


@attack("writes", "shared memory")
def _():
    if not os.path.isdir("/dev/shm"):
        raise Lacks("there is no /dev/shm")
    return append(WORLD["files"]["shared memory"])


@attack("writes", "rename into a folder")
def _():
    with open("moved", "w") as file:
        file.write("OWNED\n")
    os.rename("moved", WORLD["files"]["rename into a folder"])


@attack("writes", "device node")
def _():
    if not WORLD["is_outside_root"]:
        raise Lacks("only root may make one")
    os.mknod("zero", 0o600 | 0o020000, os.makedev(1, 5))
    return "made"


@attack("writes", "set-user-ID copy")
def _():
    with open("suid", "wb") as file:
        file.write(b"#!/bin/true\n")
    os.chmod("suid", 0o4755)
    return "made"


@attack("writes", "file made set-user-ID")
def _():
    os.umask(0)
    os.close(os.open("born-suid", os.O_CREAT | os.O_WRONLY, 0o4755))
    return "made"


@attack("writes", "chattr")
def _():
    get, put, nodump = 0x80086601, 0x40086602, 0x40
    fd = os.open(WORLD["files"]["chattr"], os.O_RDONLY)
    flags = bytearray(8)
    try:
        fcntl.ioctl(fd, get, flags)
        fcntl.ioctl(fd, put, struct.pack("l", struct.unpack("l", flags)[0] | nodump))
    except OSError as error:
        lacks_on(error, errno.ENOTTY, errno.EOPNOTSUPP)
    return "flags changed"


@attack("writes", "chmod outside")
def _():
    os.chmod(WORLD["files"]["chmod outside"], 0o777)
    return "mode changed"


@attack("writes", "sysctl")
def _():
    if not WORLD["is_outside_root"]:
        raise Lacks("only root may")
    with open("/proc/sys/kernel/core_pattern", "r+"):
        return "opened for writing"


# ------------------------------------------------------------------ reads


def content(path):
    with open(path, "rb") as file:
        return file.read(4096).decode("utf-8", "replace")


for _name in (
    "ssh key", "aws key", "netrc", "config of a tool", "sibling's secret", "keyring file", "core file",
    "shell history", "state of the project", "host tmp secret",
):  # fmt: skip
    attack("reads", _name)(lambda key=_name: content(WORLD["files"][key]))


@attack("reads", "shadow")
def _():
    if not WORLD["is_outside_root"]:
        raise Lacks("only root may read it")
    if not os.path.exists("/etc/shadow") and WORLD["is_outside"]:
        raise Lacks("there is none")
    return f"{WORLD['canary']} {len(content('/etc/shadow'))}"


def search_proc(name):
    found = []
    for path in glob.glob(f"/proc/[0-9]*/{name}"):
        if int(path.split("/")[2]) in (os.getpid(), os.getppid()):
            continue
        try:
            found.append(content(path))
        except OSError:
            continue
    text = "\n".join(found)
    if WORLD["canary"] not in text:
        raise PermissionError(errno.EACCES, f"not in {len(found)} processes")
    return text[text.index(WORLD["canary"]) :][:100]


@attack("reads", "environment of other processes")
def _():
    return search_proc("environ")


@attack("reads", "arguments of other processes")
def _():
    return search_proc("cmdline")


@attack("reads", "names in the host's tmp")
def _():
    return " ".join(os.listdir(WORLD["files"]["names in the host's tmp"]))


@attack("reads", "home listing")
def _():
    return " ".join(os.listdir(WORLD["files"]["home listing"]))


def ask_unix(address):
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(3)
        link.connect(address)
        return link.recv(200).decode()


for _name in ("docker socket", "ssh agent", "session bus"):
    attack("reads", _name)(lambda key=_name: ask_unix(WORLD["files"][key]))


# ------------------------------------------------------------------ network


def ask_tcp(family, host):
    with socket.socket(family) as link:
        link.settimeout(3)
        link.connect((host, WORLD["ports"]["tcp6" if family == socket.AF_INET6 else "tcp"]))
        return link.recv(200).decode()


def ask_udp(message):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(5)
        # Connected, so that it is told when nobody listens.
        link.connect(("127.0.0.1", WORLD["ports"]["udp"]))
        link.send(message)
        return link.recv(200).decode()


@attack("network", "TCP to the host's loopback")
def _():
    return ask_tcp(socket.AF_INET, "127.0.0.1")


@attack("network", "TCP over IPv6")
def _():
    if not WORLD["ports"].get("tcp6"):
        raise Lacks("no IPv6 here")
    return ask_tcp(socket.AF_INET6, "::1")


@attack("network", "UDP to the host's loopback")
def _():
    return ask_udp(b"hello")


@attack("network", "DNS query")
def _():
    return ask_udp(b"\x12\x34\x01\x00\x00\x01" + b"\x00" * 6 + b"\x06secret\x07example\x00\x00\x10\x00\x01")


@attack("network", "abstract socket")
def _():
    return ask_unix("\0" + WORLD["abstract"])


@attack("network", "path socket")
def _():
    return ask_unix(WORLD["files"]["path socket"])


def make_socket(family, kind, protocol=0):
    try:
        socket.socket(family, kind, protocol).close()
    except OSError as error:
        lacks_on(error, errno.EAFNOSUPPORT, errno.EPERM, errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT)
    return "made"


for _name, _arguments in {
    "netlink": (16, socket.SOCK_RAW),
    "packet socket": (17, socket.SOCK_RAW),
    "vsock": (40, socket.SOCK_STREAM),
    "AF_ALG": (38, socket.SOCK_SEQPACKET),
    "raw socket": (socket.AF_INET, socket.SOCK_RAW, 1),
}.items():
    attack("network", _name)(lambda arguments=_arguments: make_socket(*arguments))


@attack("network", "io_uring")
def _():
    try:
        os.close(syscall(425, 425, 1, ctypes.create_string_buffer(200)))
    except OSError as error:
        lacks_on(error, errno.ENOSYS, errno.EPERM)
    return "made"


@attack("network", "inherited descriptor")
def _():
    for fd in range(3, 300):
        try:
            os.lseek(fd, 0, os.SEEK_SET)
            said = os.read(fd, 200).decode("utf-8", "replace")
        except OSError:
            continue
        if WORLD["canary"] in said:
            return said
    raise PermissionError(errno.EBADF, "nothing of interest is open")


# ------------------------------------------------------------------ kernel


@attack("kernel", "ptrace")
def _():
    try:
        syscall(101, 117, 0, 0, 0, 0)
    except OSError as error:
        lacks_on(error, errno.ENOSYS)
    return "traced"


@attack("kernel", "read another's memory")
def _():
    source = ctypes.create_string_buffer(b"secret")
    target = ctypes.create_string_buffer(16)
    vectors = [(ctypes.c_void_p * 2)(ctypes.addressof(one), 6) for one in (target, source)]
    try:
        syscall(
            310,
            270,
            os.getpid(),
            vectors[0],
            ctypes.c_ulong(1),
            vectors[1],
            ctypes.c_ulong(1),
            ctypes.c_ulong(0),
        )
    except OSError as error:
        lacks_on(error, errno.ENOSYS)
    return "read"


@attack("kernel", "unshare a user namespace")
def _():
    try:
        syscall(272, 97, 0x10000000)
    except OSError as error:
        lacks_on(error, errno.ENOSPC, errno.EPERM, errno.EINVAL)
    return "unshared"


@attack("kernel", "clone3 a user namespace")
def _():
    arguments = struct.pack("QQQQQQQQ", 0x10000000, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
    try:
        pid = syscall(435, 435, ctypes.create_string_buffer(arguments, 64), ctypes.c_size_t(64))
    except OSError as error:
        lacks_on(error, errno.ENOSYS, errno.ENOSPC, errno.EPERM)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return "cloned"


def clone(flags):
    # aarch64 takes the last two of these the other way round; both are zero.
    pid = syscall(56, 220, ctypes.c_ulong(flags | signal.SIGCHLD), None, None, None, None)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


@attack("kernel", "clone a user namespace")
def _():
    try:
        clone(0x10000000)
    except OSError as error:
        lacks_on(error, errno.ENOSPC, errno.EPERM)
    return "cloned"


@attack("kernel", "mount")
def _():
    try:
        syscall(165, 40, b"none", b"/no/such/place", b"tmpfs", ctypes.c_ulong(0), None)
    except OSError as error:
        if error.errno != errno.ENOENT:
            lacks_on(error, errno.EPERM)
    return "reached the kernel's mount"


@attack("kernel", "pivot_root")
def _():
    try:
        syscall(155, 41, b"/no/such/place", b"/no/such/place")
    except OSError as error:
        if error.errno != errno.ENOENT:
            lacks_on(error, errno.EPERM)
    return "reached the kernel's pivot_root"


@attack("kernel", "keyctl")
def _():
    try:
        syscall(250, 219, 0, ctypes.c_long(-3), ctypes.c_long(1))
    except OSError as error:
        lacks_on(error, errno.ENOSYS)
    return "have a keyring"


@attack("kernel", "bpf")
def _():
    attributes = ctypes.create_string_buffer(struct.pack("IIII", 2, 4, 8, 1), 72)
    try:
        os.close(syscall(321, 280, 0, attributes, 72))
    except OSError as error:
        lacks_on(error, errno.ENOSYS, errno.EPERM)
    return "made a map"


@attack("kernel", "perf")
def _():
    attributes = ctypes.create_string_buffer(struct.pack("IIQ", 1, 112, 1), 112)
    try:
        os.close(syscall(298, 241, attributes, 0, ctypes.c_int(-1), ctypes.c_int(-1), ctypes.c_ulong(0)))
    except OSError as error:
        lacks_on(error, errno.ENOSYS, errno.EPERM, errno.EACCES, errno.EINVAL, errno.EOPNOTSUPP)
    return "opened a counter"


@attack("kernel", "userfaultfd")
def _():
    try:
        os.close(syscall(323, 282, 1))
    except OSError as error:
        lacks_on(error, errno.ENOSYS, errno.EPERM)
    return "made"


@attack("kernel", "type into the terminal")
def _():
    os.setsid()
    _, slave = os.openpty()
    fcntl.ioctl(slave, 0x540E, 0)
    try:
        fcntl.ioctl(slave, 0x5412, b"x")
    except OSError as error:
        lacks_on(error, errno.EIO)
    return "typed"


@attack("kernel", "personality")
def _():
    syscall(135, 92, ctypes.c_ulong(0x0400000))
    return "memory is executable"


@attack("kernel", "calls of another processor mode")
def _():
    if not X86:
        raise Lacks("only x86 has one")
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(
        b"\x53\xb8\x14\x00\x00\x00\xcd\x80\x5b\xc3"
    )  # push rbx; mov eax, getpid; int 0x80; pop rbx; ret
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    pid = os.fork()
    if pid == 0:
        os._exit(0 if ctypes.CFUNCTYPE(ctypes.c_int)(address)() == os.getpid() else 1)
    status = os.waitpid(pid, 0)[1]
    if status and WORLD["is_outside"]:
        raise Lacks("the kernel has none")
    if status:
        raise PermissionError(errno.EPERM, f"status {status}")
    return "called"


@attack("kernel", "kill a process outside")
def _():
    os.kill(WORLD["victim"], 0)
    return "reached"


# ------------------------------------------------------------------ resources


@attack("resources", "disk")
def _():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with open("big", "wb", buffering=0) as file:
        file.truncate(WORLD["file_bytes"])
    return "grew"


@attack("resources", "descriptors")
def _():
    opened = []
    try:
        for _ in range(WORLD["descriptors"]):
            opened.append(os.open("/dev/null", os.O_RDONLY))
    finally:
        for fd in opened:
            os.close(fd)
    return f"{len(opened)} open"


@attack("resources", "raise the limits")
def _():
    if not WORLD["is_outside_root"]:
        raise Lacks("only root may")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit + 1))
    except ValueError as error:
        lacks_on(PermissionError(errno.EPERM, str(error)), errno.EPERM)
    return "raised"


@attack("bomb", "fork bomb")
def _():
    children = []
    try:
        for _ in range(WORLD["forks"]):
            pid = os.fork()
            if pid == 0:
                signal.pause()
                os._exit(0)
            children.append(pid)
        time.sleep(3)
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return f"{len(children)} processes"


def attempt(function):
    """[verdict, detail] of one attack, made in a child with a deadline."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(SECONDS)
        try:
            said = ["hit", str(function())]
        except Lacks as error:
            said = ["lacks", str(error)]
        except (OSError, MemoryError) as error:
            said = ["held", f"{type(error).__name__}: {error}"]
        os.write(writing, json.dumps(said).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    status = os.waitpid(pid, 0)[1]
    return json.loads(said) if said else ["held", f"ended with status {status}"]


if __name__ == "__main__":
    started = time.monotonic()
    for group in sys.argv[1:]:
        for name, function in GROUPS[group].items():
            print(json.dumps([name, *attempt(function)]), flush=True)
    print(json.dumps(["", "done", f"{time.monotonic() - started:.2f} s"]), flush=True)
