"""A commented plan over the specs of the example, and what it is checked against."""

from __future__ import annotations

from pathlib import Path

from ossature.engine.plan_checking import Ground
from ossature.spec.refs import Refs
from ossature.spec.tree import load_specs

EXAMPLE = Path(__file__).parents[3] / "examples" / "spenny"
PLAN = '''\
# The plan of Spenny. Ask Kim before you change it.

[meta]
generated_at = "2026-05-04T12:00:00Z"   # by machine
total_tasks = 6
specs = ["EXPENSES", "SPENNY_CLI"]
owner = "kim"

# ---- the core ----

# Errors first: everybody raises them.
[[task]]   # scaffold
id = "001"
spec = "EXPENSES"
title = "Error classes"  # do not rename
outputs = [
    # one file
    "spenny/errors.py",  # small
]
spec_refs = ["Constraints"]
verify = ["python -m py_compile spenny/errors.py"]
mine = { priority = 1, due = 2026-05-04 }

# loose remark

[[task]]
id = "002"
spec = "EXPENSES"
title = "Money"
outputs = ["spenny/money.py", "tests/test_money.py"]
depends_on = ["001"]   # raises
spec_refs = ["parse-amount", "Constraints"]
verify = """
python -m unittest tests.test_money
"""
notes = "Cents."
weight = nan

[[task]]
id = "003"
spec = "EXPENSES"
title = "Records"
outputs = ["spenny/records.py"]
depends_on = ["001"]
spec_refs = ["record-expense"]
verify = ["python -m py_compile spenny/records.py"]

# shown in full
[task.inject]
"spenny/errors.py" = "full"  # small

# ---- on top ----
[[task]]
id = "004"
spec = "EXPENSES"
title = 'Sums'
outputs = ["spenny/summary.py"]
depends_on = ["002", "003"]
spec_refs = ["Goals"]
inject_files = ["spenny/money.py"]
verify = ["python -m py_compile spenny/summary.py"]

# nobody waits for this one
[[task]]
id = "005"
spec = "EXPENSES"
title = "Selection"
outputs = ["spenny/selection.py"]
depends_on = ["003"]
spec_refs = ["Requirements"]
verify = ["python -m py_compile spenny/selection.py"]
status = "manual"  # Kim writes it

[[task]]
id = "006"
spec = "SPENNY_CLI"
title = "Command line"
outputs = ["spenny/cli.py"]
depends_on = ["004"]
spec_refs = ["Overview"]
verify = ["python -m py_compile spenny/cli.py"]

[notes]
# at the very end
x = 1
'''


def ground() -> Ground:
    tree = load_specs(EXAMPLE, "specs")
    return Ground(tree, Refs(tree), lambda _path: False, lambda _path: False)
