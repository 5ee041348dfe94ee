"""What is measured: every workload, in the table's order."""

from bench import textbook

WORKLOADS = textbook.WORKLOADS
