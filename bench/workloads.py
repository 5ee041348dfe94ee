"""What is measured: every workload, in the table's order."""

from bench import compiled, front, large, minimizing, operators, textbook

WORKLOADS = (
    *textbook.WORKLOADS,
    *operators.WORKLOADS,
    *front.WORKLOADS,
    *compiled.WORKLOADS,
    *large.WORKLOADS,
    *minimizing.WORKLOADS,
)
