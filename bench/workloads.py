"""What is measured: every workload, in the table's order."""

from bench import compiled, minimizing, operators, textbook

WORKLOADS = (*textbook.WORKLOADS, *operators.WORKLOADS, *compiled.WORKLOADS, *minimizing.WORKLOADS)
