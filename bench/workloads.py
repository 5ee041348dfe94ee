"""What is measured: every workload, in the table's order."""

from bench import compiled, large, minimizing, operators, textbook

WORKLOADS = (
    *textbook.WORKLOADS,
    *operators.WORKLOADS,
    *compiled.WORKLOADS,
    *large.WORKLOADS,
    *minimizing.WORKLOADS,
)
