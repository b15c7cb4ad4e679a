"""How the commands of a run are shut in, as a fact of the run."""

from __future__ import annotations

from typing import Literal

from ossature.domain.fact import Fact
from ossature.settings import SandboxMode

SandboxTier = Literal["bubblewrap", "bubblewrap-nested", "landlock", "seatbelt", "none"]
"""What a sandbox mode is enforced by, best first; `none` is no sandbox at all."""


class SandboxChosen(Fact):
    """How far the commands of this run are shut in."""

    kind: Literal["sandbox_chosen"] = "sandbox_chosen"
    mode: SandboxMode
    tier: SandboxTier
    has_network: bool = False
    gaps: tuple[str, ...] = ()
    """What this tier does less well than the best one."""
