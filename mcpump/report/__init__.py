"""Words and tables of a result.

`table` is what `mcpump run` prints, `csv` its numbers, `summary_line` its first line.

============= ========================================================================================
table         the whole; from `currents` (planes), `channels`, `mesh`, `times`, `charge`, `pumping`, `damping`, `checks`
words         numbers with errors, aligned rows
comparison    against the exact plane-wave solution; `crossover` the local share against ℓ/λ
conversion    how much of the spin current becomes charge
============= ========================================================================================
"""

from mcpump.report.table import csv, summary_line, table

__all__ = ["csv", "summary_line", "table"]
