"""Keeps both sides of what is put up for review as blobs, where every face and the next run find them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ossature.domain.decision import Mark, Proposal
from ossature.domain.hunks import FileChange
from ossature.domain.review import change_of, kept, proposal_of
from ossature.store.blobs import Blobs


def propose(
    before: Mapping[str, bytes | None], after: Mapping[str, bytes | None], blobs: Blobs
) -> tuple[Proposal, ...]:
    """What a question shows of every path of *after* that differs from *before*. Raises DiskError."""
    found: list[Proposal] = []
    for path, content in after.items():
        was = before.get(path)
        if was != content:
            for one in (was, content):
                if one is not None:
                    # Whatever lands is made durable by its landing.
                    blobs.put(one, is_durable=False)
            found.append(proposal_of(path, was, content))
    return tuple(found)


def read_change(proposal: Proposal, blobs: Blobs) -> FileChange:
    """The hunks of *proposal* with their lines. Raises DiskError where a side is not kept any more."""
    before, after = (blobs.get(digest) if digest else None for digest in (proposal.before, proposal.after))
    return change_of(proposal, before, after)


def read_changes(proposals: Iterable[Proposal], blobs: Blobs) -> dict[str, FileChange]:
    """Path -> its hunks. Raises DiskError."""
    return {proposal.path: read_change(proposal, blobs) for proposal in proposals}


def kept_files(proposals: Iterable[Proposal], marks: Sequence[Mark], blobs: Blobs) -> dict[str, bytes | None]:
    """What is left of the files in which a hunk was refused; None: no such file. Raises DiskError."""
    return kept(read_changes(proposals, blobs), marks)
