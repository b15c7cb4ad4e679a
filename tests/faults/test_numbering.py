"""Nothing that changes the disk goes past the numbering: strace sees the very same calls."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.scenarios import SCENARIOS
from tests.runs.kit import environ
from tests.support.sampling import some

HERE = Path(__file__).parents[2]
STORY = """
import os, sys
from pathlib import Path
import ossature.engine.owner as owner
from tests.faults.lab import Lab, current_model
from tests.faults.scenarios import SCENARIOS
from tests.runs.kit import FakeModels
from tests.support.disk_faults import Faults
owner.Models = lambda settings, **_: FakeModels(current_model(), settings)
scenario = next(one for one in SCENARIOS if one.name == sys.argv[1])
lab = Lab(scenario, Path(sys.argv[2]))
kit = lab.fresh()
kit.model.log = Path(os.devnull)
os.access("/faults-begin", os.F_OK)
with Faults().on() as faults:
    assert lab.own(kit).code == 0
os.access("/faults-end", os.F_OK)
print("\\n".join(faults.calls))
"""
# What Python's functions are called in the kernel, besides their own names.
SYSCALLS = {
    "open": r"openat?",
    "rename": r"rename(at2?)?",
    "replace": r"rename(at2?)?",
    "unlink": r"unlink(at)?",
    "remove": r"unlink(at)?",
    "rmdir": r"rmdir",
    "mkdir": r"mkdir(at)?",
    "symlink": r"symlink(at)?",
    "link": r"link(at)?",
    "chmod": r"f?chmod(at2?)?",
    "fchmod": r"f?chmod(at2?)?",
    "utime": r"utimensat",
    "write": r"p?write(v|64|v2)?",
}
TRACED = (
    "open,openat,openat2,creat,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,symlink,symlinkat,"
    "link,linkat,chmod,fchmod,fchmodat,chown,fchown,lchown,fchownat,utimensat,write,writev,pwrite64,pwritev,"
    "fsync,fdatasync,sync,syncfs,sync_file_range,truncate,ftruncate,fallocate,mknod,mknodat,copy_file_range,"
    "sendfile,setxattr,lsetxattr,fsetxattr,access,faccessat,faccessat2"
)


def kernel_name(name: str) -> str:
    return SYSCALLS.get(name, name)


def seen_by_strace(log: Path, root: Path) -> Counter[str]:
    """The changes below *root* between the two marks, under the names that the numbering has for them."""
    text = log.read_text("utf-8", "replace")
    between = text.split("/faults-begin", 1)[1].split("/faults-end", 1)[0].splitlines()[1:-1]
    found: Counter[str] = Counter()
    for line in between:
        name, _, rest = line.partition("(")
        if str(root) not in rest or name.startswith(("access", "faccess")):
            continue
        if name in ("open", "openat") and not re.search(r"O_CREAT|O_TRUNC", rest):
            continue
        found[next((wide for wide in SYSCALLS.values() if re.fullmatch(wide, name)), name)] += 1
    return found


def works() -> bool:
    tool = shutil.which("strace")
    return tool is not None and subprocess.run([tool, "-qq", "-o", os.devnull, "true"]).returncode == 0


@pytest.mark.skipif(not works(), reason="strace is missing or may not trace")
@pytest.mark.parametrize("name", [scenario.name for scenario in SCENARIOS[:: some(3, 1)]])
def test_strace_sees_the_calls_that_are_numbered(tmp_path: Path, name: str):
    log = tmp_path / "trace"
    root = tmp_path / "lab"
    root.mkdir()
    argv = ["strace", "-qq", "-y", "-s", "0", "-o", str(log), "-e", f"trace={TRACED}", sys.executable]
    done = subprocess.run(
        [*argv, "-c", STORY, name, str(root)],
        cwd=HERE,
        env=environ(PYTHONPATH=str(HERE), OSSATURE_TRUSTED_PATHS=str(tmp_path)),
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    numbered = Counter(kernel_name(call) for call in done.stdout.split())
    assert seen_by_strace(log, root) == numbered
    assert numbered.total() > 150
