"""What a killed process left half written is deleted, and nothing else."""

from pathlib import Path

from ossature.engine.sweeping import sweep
from ossature.project import load_project
from ossature.store.ledger import Landing, Ledger

SCRATCH = ".ossature-0123456789abcdef.tmp"


def test_scratch_files_go_and_everything_else_stays(tmp_path: Path):
    (tmp_path / "ossature.toml").write_text('[project]\nname = "p"\n[output]\nlanguage = "text"\n')
    project = load_project(tmp_path, {})
    run = project.runs_dir / "20260101T000000-0000"
    gone = [
        project.state_dir / SCRATCH,
        project.blobs_dir / "ab" / SCRATCH,
        project.tasks_dir / "shelf-1a2b" / "r-1-implement" / SCRATCH,
        project.work_dir / SCRATCH,
        run / SCRATCH,
        project.output_root / "src" / SCRATCH,
    ]
    kept = [
        # Another process may be writing a letter or a draft right now.
        run / "inbox" / SCRATCH,
        run / "drafts" / SCRATCH,
        project.tasks_dir / "shelf-1a2b" / "r-1-implement" / "response.md.part",
        project.state_dir / ".ossature-mine.tmp",
        project.output_root / "src" / "a.py",
        # No task writes here, so neither do we.
        project.output_root / "docs" / SCRATCH,
    ]
    for path in (*gone, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    with Ledger.open(project.ledger_path) as ledger:
        landing = Landing(
            "shelf-1a2b", "001", "S", "T", ("src/a.py",), "g", "v", files={"src/a.py": "0" * 64}
        )
        ledger.append_landed(ledger.append_intent(landing, {}))
        sweep(project, ledger)
    assert [path for path in gone if path.exists()] == []
    assert [path for path in kept if not path.exists()] == []
