"""Walks through a build of the demo over a real SSH connection, in tmux, and prints what the person sees.

`python tools/walk.py [FOLDER]`: the screens as text, each with a caption; also into FOLDER, a file each.
"""

from __future__ import annotations

import os
import sys
import tempfile
import uuid
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.ssh.server import Client, Server  # noqa: E402  # the folder above has to be on the path


class Book:
    """Screens in their order."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._count = 0

    def add(self, caption: str, screen: str) -> None:
        self._count += 1
        text = f"{self._count}. {caption}\n\n{screen.rstrip()}\n"
        print(f"{text}\n{'═' * 100}\n", flush=True)
        if self._folder is not None:
            name = f"{self._count:02}-{caption.partition(':')[0].strip().lower().replace(' ', '-')}.txt"
            (self._folder / name).write_text(text, encoding="utf-8")


def walk(server: Server, tmux: str, book: Book) -> None:
    person = server.log_in(size=(100, 30))
    person.line(f"{tmux} new-session -s work /bin/sh \\; set-option -g assume-paste-time 0")
    person.wait("[work]")
    person.line("clear; ossature demo --dir spenny")
    person.wait_until(lambda text: "● live" in text and "001" in text, "the start of the build")
    book.add("The build starts: one command, over SSH, in tmux", person.screen())

    book.add("A question: the verify of a task is red, the run waits", person.wait("approve fix"))
    person.type("4z")
    person.wait_until_gone("3 Plan")
    book.add("The verify zoomed: what the test said", person.screen())
    person.type("z3h")
    person.wait("with a hint for the model")
    person.type("half is rounded up")
    book.add("A hint is typed: and the train enters a tunnel", person.wait("half is rounded up"))

    person.drop()
    person = server.log_in(size=(80, 24))
    person.line(f"clear; {tmux} attach")
    person.wait("half is rounded up")
    person.wait("with a hint for the model")
    book.add("Back in a smaller window: the hint is still there", person.screen())
    person.type("\r")
    person.wait_until_gone("approve fix")
    book.add("Approved: the fixer has been called", person.screen())
    person.wait("succeeded")
    book.add("Finished: all tasks have landed", person.wait("9/9"))
    person.type("w")
    book.add("Why: what a build would do with the task now", person.wait("Why"))
    leave(person, book)


def leave(person: Client, book: Book) -> None:
    person.type("q")
    person.wait("the program is in")
    person.line("clear; cd spenny; ossature status")
    book.add("The shell again: status", person.wait("9 done"))


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else None
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        environ = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "LC_ALL": "C.UTF-8",
        }
        server = Server(home, environ)
        tmux = f"tmux -L ossature-walk-{uuid.uuid4().hex[:8]} -f /dev/null"
        try:
            walk(server, tmux, Book(folder))
        finally:
            server.close()
            os.system(f"{tmux} kill-server 2>/dev/null")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
