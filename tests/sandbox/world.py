"""A machine to attack: a home with secrets, a project with a stage, a sibling, servers on the loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ossature.build.cage import base_interpreter
from ossature.build.command import Action, Finished, LocalExecutor
from ossature.build.process import _SUPERVISOR
from ossature.build.sandbox import make_python_dir

HERE = Path(__file__).parent
OTHER_UID = 54321
"""Nobody's, so that its processes are counted by themselves."""
LIMITS = {"file_mib": 2, "open_files": 64, "memory_mib": 512, "processes": 40}


@dataclass
class World:
    """Where it is and what is in it."""

    root: Path
    uid: int | None
    """Whose it is; None: the one who runs the tests."""
    canary: str
    interpreter: Path
    files: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    victim: int = 0

    @property
    def slot(self) -> Path:
        return self.root / "project" / ".ossature" / "work" / "0"

    @property
    def stage(self) -> Path:
        return self.slot / "tree"

    @property
    def hidden(self) -> list[str]:
        return [str(self.root / "project"), str(self.root / "home")]

    @property
    def is_root(self) -> bool:
        return os.geteuid() == 0 and self.uid is None

    def run(self, tier: str, command: str, **request: Any) -> dict[str, Any]:
        """What became of *command*: `status`, `output`…; or `lacks` where *tier* does not work."""
        return self.run_all(tier, [{"command": command, **request}])[0]

    def run_all(self, tier: str, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Several commands one after the other."""
        common = {
            "slot": str(self.slot),
            "tier": tier,
            "hidden": self.hidden,
            "uid": self.uid,
            "leak": self.files["ssh key"],
            "interpreter": str(self.interpreter),
        }
        wanted = json.dumps([{**common, **request} for request in requests])
        environ = {**os.environ, "OPENAI_API_KEY": self.canary, "HOME": str(self.root / "home")}
        environ["PATH"] = "/usr/local/bin:/usr/bin:/bin"
        done = subprocess.run(
            [sys.executable, str(HERE / "outside.py"), wanted],
            env=environ, capture_output=True, text=True, timeout=110, cwd=self.stage,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    def attack(self, tier: str, *groups: str) -> dict[str, tuple[str, str]]:
        """Attack -> what came of it outside or in *tier*, in a new stage; `{"": …}` where that fails."""
        shutil.rmtree(self.stage)
        self.stage.mkdir()
        shutil.copy(HERE / "attacks.py", self.stage)
        facts = {
            "files": self.files,
            "ports": self.ports,
            "canary": self.canary,
            "abstract": f"ossature-{self.canary}",
            "victim": self.victim,
            "is_outside": tier == "outside",
            "is_outside_root": self.is_root,
            "forks": 2 * LIMITS["processes"],
            "file_bytes": 2 * LIMITS["file_mib"] << 20,
            "descriptors": 2 * LIMITS["open_files"],
        }
        (self.stage / "world.json").write_text(json.dumps(facts))
        self.give_away(self.stage)
        # What is limited has limits of its own, so that it does not take much to reach them; what may be
        # ended for that takes nothing else along.
        parts = [[name for name in groups if name not in ("resources", "bomb")], ["resources"], ["bomb"]]
        requests = [
            {"command": f"python attacks.py {' '.join(names)}", "limits": limits}
            for names, limits in zip(parts, ({}, LIMITS, LIMITS), strict=True)
        ]
        found: dict[str, tuple[str, str]] = {}
        for names, done in zip(parts, self.run_all(tier, requests), strict=True):
            if "lacks" in done:
                return {"": ("lacks", done["lacks"])}
            lines = [json.loads(line) for line in done["output"].splitlines() if line.startswith("[")]
            if names == ["bomb"] and not lines:
                lines = [["fork bomb", "held", done["output"]], ["", "done", ""]]
            assert lines and lines[-1][1] == "done", done
            found |= {name: (verdict, detail) for name, verdict, detail in lines if name}
        return found

    def give_away(self, folder: Path) -> None:
        """To the user whose world it is."""
        if self.uid is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self.uid, self.uid, follow_symlinks=False)


@contextlib.contextmanager
def made(user: str) -> Iterator[World]:
    """A world of `root` or of `user`."""
    root = Path(tempfile.mkdtemp(prefix="ossature-world-")).resolve()
    uid = OTHER_UID if user == "user" and os.geteuid() == 0 else None
    canary = f"canary-{os.urandom(6).hex()}"
    world = World(root, uid, canary, interpreter_for(uid))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, root, ignore_errors=True)
        root.chmod(0o755)
        _fill(world, stack)
        world.give_away(root)
        _serve(world, stack)
        yield world


def interpreter_for(uid: int | None) -> Path:
    """A Python that this user may run: ours, else the system's."""
    if uid is None or _is_open(base_interpreter()):
        return base_interpreter()
    return Path("/usr/bin/python3").resolve()


def why_no_other_user() -> str:
    """Why commands of another user cannot be tried; empty when they can."""
    if os.geteuid() != 0:
        return ""
    if not _is_open(_SUPERVISOR):
        return f"another user may not read {_SUPERVISOR}"
    if not interpreter_for(OTHER_UID).is_file():
        return "there is no Python that another user may run"
    return ""


def _is_open(path: Path) -> bool:
    """Everybody may come to it."""
    return all(folder.stat().st_mode & 0o001 for folder in path.parents) and bool(path.stat().st_mode & 0o004)


def _fill(world: World, stack: contextlib.ExitStack) -> None:
    root = world.root
    places = {
        "ssh key": "home/.ssh/id_ed25519",
        "aws key": "home/.aws/credentials",
        "netrc": "home/.netrc",
        "config of a tool": "home/.config/gh/hosts.yml",
        "keyring file": "home/.local/share/keyrings/login.keyring",
        "core file": "home/core.1234",
        "shell history": "home/.bash_history",
        "sibling's secret": "sibling/.env",
        "state of the project": "project/.ossature/tasks/x/prompt.md",
        "host tmp secret": "tmp/secret",
        "home file": "home/.profile",
        "host tmp file": "tmp/file",
        "state folder": "project/.ossature/ledger.jsonl",
        "git hook": "project/.git/hooks/pre-commit",
        "project config": "project/ossature.toml",
        "sibling project": "sibling/main.py",
        "through a symlink": "outside/symlinked",
        "through a hard link": "project/hard",
        "through /proc/self/root": "outside/self-root",
        "through /proc/1/root": "outside/one-root",
        "rename into a folder": "home/.bashrc",
        "chattr": "outside/attributes",
        "chmod outside": "outside/mode",
    }
    for key, place in places.items():
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{world.canary} {key}\n")
        path.chmod(0o600)
        world.files[key] = str(path)
    for name in ("tree", "home", "tmp"):
        (world.slot / name).mkdir(parents=True, exist_ok=True)
    make_python_dir(world.slot / "bin", world.interpreter)
    shared = Path("/dev/shm") / f"ossature-{world.canary}"
    world.files["shared memory"] = str(shared)
    stack.callback(shared.unlink, missing_ok=True)
    listed = root / "tmp" / world.canary
    listed.mkdir()
    world.files["names in the host's tmp"] = str(root / "tmp")
    (root / "home" / world.canary).touch()
    world.files["home listing"] = str(root / "home")


def _serve(world: World, stack: contextlib.ExitStack) -> None:
    """Servers that answer everybody with the canary; processes that have it in environment and arguments."""
    word = f"{world.canary} served\n".encode()
    for key, name in (
        ("docker socket", "docker.sock"),
        ("ssh agent", "agent.1"),
        ("session bus", "bus"),
        ("path socket", "some.sock"),
    ):
        path = world.root / "outside" / name
        world.files[key] = str(path)
        _listen(socket.AF_UNIX, str(path), word, stack)
        path.chmod(0o777)
    if sys.platform == "linux":
        _listen(socket.AF_UNIX, f"\0ossature-{world.canary}", word, stack)
    world.ports["tcp"] = _listen(socket.AF_INET, ("127.0.0.1", 0), word, stack)
    with contextlib.suppress(OSError):
        world.ports["tcp6"] = _listen(socket.AF_INET6, ("::1", 0), word, stack)
    world.ports["udp"] = _answer(word, stack)
    # As the same user, whose processes it could see.
    sleeper = subprocess.Popen(
        ["/bin/sh", "-c", "echo ready; exec sleep 300", world.canary],
        env={"SECRET": world.canary}, user=world.uid, group=world.uid, stdout=subprocess.PIPE,
        extra_groups=[] if world.uid is not None else None,
    )  # fmt: skip
    # `exec` drops the arguments, so the shell stays for them.
    holder = subprocess.Popen(
        ["/bin/sh", "-c", "echo ready; read nothing; :", world.canary],
        env={"SECRET": world.canary}, user=world.uid, group=world.uid,
        stdout=subprocess.PIPE, stdin=subprocess.PIPE,
        extra_groups=[] if world.uid is not None else None,
    )  # fmt: skip
    for process in (sleeper, holder):
        stack.callback(_end, process)
        assert process.stdout is not None
        process.stdout.readline()
    world.victim = sleeper.pid


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdout, process.stdin):
        if pipe is not None:
            pipe.close()


def _listen(family: int, address: Any, word: bytes, stack: contextlib.ExitStack) -> int:
    server = socket.socket(family, socket.SOCK_STREAM)
    server.bind(address)
    server.listen(16)

    def once() -> None:
        link, _ = server.accept()
        with link:
            link.sendall(word)

    _keep(once, server, stack)
    return server.getsockname()[1] if isinstance(address, tuple) else 0


def _answer(word: bytes, stack: contextlib.ExitStack) -> int:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def once() -> None:
        _, sender = server.recvfrom(2000)
        if sender is None:
            raise ConnectionError("shut down")
        server.sendto(word, sender)

    _keep(once, server, stack)
    return int(server.getsockname()[1])


def _keep(once: Callable[[], None], server: socket.socket, stack: contextlib.ExitStack) -> None:
    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                once()

    def stop() -> None:
        # Wakes the thread out of its system call.
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        server.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    stack.callback(stop)


def run_here(executor: LocalExecutor, action: Action) -> Finished:
    """Run an action in this process."""
    return asyncio.run(executor.run(action))
