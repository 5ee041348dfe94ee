"""What is measured: every workload, in the table's order."""

from bench import large, minimizing, operators, textbook

WORKLOADS = (*textbook.WORKLOADS, *operators.WORKLOADS, *minimizing.WORKLOADS, *large.WORKLOADS)
