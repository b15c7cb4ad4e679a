"""Runs commands with or without a sandbox, as another user where asked: `python outside.py REQUESTS`.

A process of its own, so that it can give up its rights; whatever it needs is imported before it does.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from ossature.build.bubblewrap import BubblewrapCage, candidates, optional_flags
from ossature.build.cage import Limits, Policy
from ossature.build.command import Action, LocalExecutor
from ossature.build.landlock import LandlockCage, abi_version
from ossature.build.sandbox import scrubbed_environ
from ossature.build.tiers import Machine


def cages_of(tier, policy, root):
    if tier == "landlock":
        return [LandlockCage(abi_version(), policy)]
    path = Machine(os.environ, root).bwrap()
    if path is None:
        return []
    flags = optional_flags(subprocess.run([path, "--help"], capture_output=True, text=True).stdout)
    ways = [way for way in candidates(path, flags) if way.mounts_proc == (tier == "bubblewrap")]
    return [BubblewrapCage(way, policy) for way in ways]


def works(cage, slot, environ, interpreter):
    action = Action("true", slot / "tree", environ, 60.0, slot / "try.log")
    return asyncio.run(LocalExecutor(cage, interpreter=interpreter).run(action)).exit_status == 0


def run(request):
    slot = Path(request["slot"])
    interpreter = Path(request["interpreter"])
    environ = scrubbed_environ(os.environ, home=slot / "home", temp_dir=slot / "tmp", python_dir=slot / "bin")
    tier = request["tier"]
    if tier == "outside":
        # What a program without any care does: its descriptors and its environment are handed on.
        done = subprocess.run(
            ["/bin/sh", "-c", request["command"]],
            cwd=slot / "tree", env={**os.environ, **environ}, capture_output=True, close_fds=False,
            timeout=100,
        )  # fmt: skip
        return {"status": done.returncode, "output": (done.stdout + done.stderr).decode("utf-8", "replace")}
    policy = Policy(
        request.get("mode", "workspace-write"),
        has_network=request.get("network", False),
        hidden=tuple(Path(path) for path in request["hidden"]),
        limits=Limits(**request.get("limits", {})),
    )
    cage = None
    if tier != "open":
        ways = cages_of(tier, policy, Path(request["hidden"][0]))
        cage = next((one for one in ways if works(one, slot, environ, interpreter)), None)
        if cage is None:
            return {"lacks": f"{tier} does not work here"}
    action = Action(
        request["command"], slot / "tree", environ, request.get("timeout_s", 100.0), slot / "verify.log"
    )
    executor = LocalExecutor(cage, limits=policy.limits, interpreter=interpreter)
    finished = asyncio.run(executor.run(action))
    return {
        "status": finished.exit_status,
        "output": finished.head + finished.tail,
        "is_timed_out": finished.is_timed_out,
        "note": finished.note,
        "names": dict(finished.names),
    }


def main():
    requests = json.loads(sys.argv[1])
    leak = os.open(requests[0]["leak"], os.O_RDONLY)
    os.set_inheritable(leak, True)
    uid = requests[0]["uid"]
    if uid is not None:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    print(json.dumps([run(request) for request in requests]))


main()
