"""Words and tables of a result.

`table` is what `mcpump run` prints, `csv` its numbers, `summary_line` its first line.

============= ========================================================================================
table         the whole; from `currents` (planes), `forecast`, `channels`, `mesh`, `times`, `charge`, `voltage`,
              `overtaking`, `pumping`, `damping`, `checks`
sweep         CSV of a sweep
words         numbers with errors, aligned rows
comparison    against the exact plane-wave solution; `crossover` the local share against ℓ/λ
papers        sweeps against experiments
conversion    how much of the spin current becomes charge
============= ========================================================================================
"""

from mcpump.report.table import csv, summary_line, table

__all__ = ["csv", "summary_line", "table"]
