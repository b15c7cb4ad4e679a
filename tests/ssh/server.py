"""An SSH server and its clients on loopback, with a link between them that can be slow, silent or cut."""

from __future__ import annotations

import asyncio
import copy
import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from tests.tui.terminals import Screen, Terminal

T = TypeVar("T")
DEADLINE_S = 90.0
CHUNK = 16384
ALTERNATE = 1049
TAKE_TERMINAL = """
import fcntl, signal, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
# Under nohup, or in the background of a script, they would be ignored by all that is started here.
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    signal.signal(number, signal.SIG_DFL)
os.execv("/bin/sh", ["sh", "-i"])
"""
"""Makes stdin the terminal that controls the shell, so that it and what it runs are hung up with it."""


class Shell(asyncssh.SSHServerSession[bytes]):
    """What sshd does for a login: a terminal, a session, a hang-up when the client is gone."""

    def __init__(self, home: Path, environ: Mapping[str, str]) -> None:
        self._home = home
        self._environ = dict(environ)
        self._master = -1
        self._size = (80, 24)

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan
        self._loop = asyncio.get_running_loop()

    def pty_requested(self, term_type: str, term_size: tuple[int, int, int, int], _: object) -> bool:
        self._environ["TERM"] = term_type
        self._size = term_size[:2]
        return True

    def shell_requested(self) -> bool:
        return True

    def session_started(self) -> None:
        self._master, slave = os.openpty()
        self._set_size(*self._size)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", TAKE_TERMINAL],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=self._home,
            env=self._environ,
            start_new_session=True,
        )
        os.close(slave)
        os.set_blocking(self._master, False)
        self.resume_writing()

    def data_received(self, data: bytes, _: object) -> None:
        if self._master >= 0:
            os.write(self._master, data)

    def terminal_size_changed(self, width: int, height: int, _: int, __: int) -> None:
        self._set_size(width, height)

    def pause_writing(self) -> None:
        """A client that takes nothing holds up the terminal, as with sshd."""
        self._loop.remove_reader(self._master)

    def resume_writing(self) -> None:
        if self._master >= 0:
            self._loop.add_reader(self._master, self._forward)

    def connection_lost(self, _: object) -> None:
        self._hang_up()

    def _set_size(self, width: int, height: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def _forward(self) -> None:
        try:
            content = os.read(self._master, CHUNK)
        except OSError:
            content = b""
        if content:
            self._channel.write(content)
        else:
            self._hang_up()
            self._channel.exit(0)

    def _hang_up(self) -> None:
        if self._master >= 0:
            self._loop.remove_reader(self._master)
            os.close(self._master)
            self._master = -1
            threading.Thread(target=self._process.wait, daemon=True).start()


class Door(asyncssh.SSHServer):
    """Lets everybody on this machine in, who has to know the port."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._server.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        return False

    def session_requested(self) -> Shell:
        return Shell(self._server.home, self._server.environ)


class Link:
    """The network between one client and the server."""

    def __init__(self, port: int, *, bytes_per_s: float = 0.0) -> None:
        self._port = port
        self._rate = bytes_per_s
        self._writers: list[asyncio.StreamWriter] = []
        self._flows = asyncio.Event()
        self._flows.set()

    async def open(self) -> int:
        """The port for the client."""
        self._listener = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        return int(self._listener.sockets[0].getsockname()[1])

    def silence(self) -> None:
        """Nothing gets through, and nobody is told."""
        self._flows.clear()

    async def cut(self) -> None:
        self._listener.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, there[1]]
        # Python 3.11 complains of a handler that is cancelled when the loop ends.
        with suppress(asyncio.CancelledError):
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, there[1], 0.0))
                both.create_task(self._carry(there[0], writer, self._rate))

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, rate: float) -> None:
        try:
            while content := await source.read(int(rate / 20) or CHUNK):
                await self._flows.wait()
                sink.write(content)
                await sink.drain()
                await asyncio.sleep(len(content) / rate if rate else 0)
            sink.close()
        except OSError:
            sink.transport.abort()


class TwoScreens(Screen):
    """With the alternate screen, which programs take and give back."""

    main: tuple[dict[int, Any], tuple[int, int]] | None = None

    def set_mode(self, *modes: int, **options: Any) -> None:
        if options.get("private") and ALTERNATE in modes:
            self.main = (copy.deepcopy(self.buffer), (self.cursor.x, self.cursor.y))
            self.erase_in_display(2)
        super().set_mode(*modes, **options)

    def reset_mode(self, *modes: int, **options: Any) -> None:
        if options.get("private") and ALTERNATE in modes and self.main is not None:
            self.buffer, (self.cursor.x, self.cursor.y) = self.main
            self.main = None
        super().reset_mode(*modes, **options)


class Client:
    """A person's terminal, logged in."""

    def __init__(self, server: Server, link: Link, size: tuple[int, int]) -> None:
        self.link = link
        self._server = server
        self._lock = threading.Lock()
        self._terminal = Terminal(*size, screen=TwoScreens)

    async def connect(self, port: int) -> None:
        screen = self._terminal.screen
        self._connection = await asyncssh.connect(
            "127.0.0.1",
            port,
            username="ada",
            known_hosts=None,
            client_keys=None,
            config=None,
            agent_path=None,
        )
        self._channel, _ = await self._connection.create_session(
            lambda: _Eye(self),
            term_type="xterm-256color",
            term_size=(screen.columns, screen.lines),
            encoding=None,
        )

    def receive(self, content: bytes) -> None:
        with self._lock:
            self._terminal.send_bytes(content)

    def screen(self) -> str:
        with self._lock:
            return self._terminal.text()

    def type(self, text: str) -> None:
        self._server.call(self._write, text.encode())

    def line(self, text: str) -> None:
        self.type(f"{text}\r")

    def wait(self, text: str) -> str:
        """The screen as soon as it shows *text*."""
        return self.wait_until(lambda screen: text in screen, text)

    def wait_until_gone(self, text: str) -> str:
        return self.wait_until(lambda screen: text not in screen, f"no {text}")

    def wait_until(self, is_so: Callable[[str], object], what: str) -> str:
        end = time.monotonic() + DEADLINE_S
        while not is_so(screen := self.screen()):
            assert time.monotonic() < end, f"never came: {what}\n{screen}"
            time.sleep(0.05)
        return screen

    def resize(self, width: int, height: int) -> None:
        with self._lock:
            self._terminal.resize(width, height)
        self._server.call(self._channel.change_terminal_size, width, height)

    def drop(self) -> None:
        """The line is cut: both ends notice."""
        self._server.run(self.link.cut())
        self._server.call(self._connection.abort)

    def fall_silent(self) -> None:
        self._server.call(self.link.silence)

    def close(self) -> None:
        self.drop()

    def _write(self, content: bytes) -> None:
        self._channel.write(content)


class _Eye(asyncssh.SSHClientSession[bytes]):
    def __init__(self, client: Client) -> None:
        self._client = client

    def data_received(self, data: bytes, _: object) -> None:
        self._client.receive(data)


class Server:
    """Serves in a thread of its own; everything else is called from the test's."""

    def __init__(self, home: Path, environ: Mapping[str, str]) -> None:
        self.home = home
        self.environ = {**environ, "SSH_CONNECTION": "198.51.100.7 50022 198.51.100.8 22", "PS1": "ready> "}
        self.connections: list[asyncssh.SSHServerConnection] = []
        self._clients: list[Client] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="ssh")
        self._thread.start()
        self._acceptor = self.run(self._listen())

    async def _listen(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.create_server(
            lambda: Door(self),
            "127.0.0.1",
            0,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            line_editor=False,
            encoding=None,
        )

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(DEADLINE_S)

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        self._loop.call_soon_threadsafe(function, *arguments)

    def log_in(self, *, size: tuple[int, int] = (80, 24), bytes_per_s: float = 0.0) -> Client:
        client = self.run(self._log_in(size, bytes_per_s))
        self._clients.append(client)
        client.wait("ready>")
        return client

    async def _log_in(self, size: tuple[int, int], bytes_per_s: float) -> Client:
        link = Link(self._acceptor.get_port(), bytes_per_s=bytes_per_s)
        client = Client(self, link, size)
        await client.connect(await link.open())
        return client

    def give_up_silent(self) -> None:
        """What sshd does with clients that have not answered for long."""
        for connection in self.connections:
            self.call(connection.abort)
        self.connections.clear()

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self.give_up_silent()
        self.run(self._finish())
        self.call(self._loop.stop)
        self._thread.join(DEADLINE_S)
        self._loop.close()

    async def _finish(self) -> None:
        """Leave nothing on the loop: what is collected with it later would fail another test."""
        self._acceptor.close()
        await asyncio.sleep(0.1)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=DEADLINE_S)


def clean(text: str) -> str:
    """One space wherever a screen breaks or pads."""
    return re.sub(r"[\s│]+", " ", text)
