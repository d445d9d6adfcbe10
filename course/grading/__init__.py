"""Grading many submissions: fast, fair, and out of reach of the code that is graded.

The engine, in the order in which its parts may use each other: ``wire`` (plain data between processes),
``isolation`` (what the kernel forbids), ``solver`` (runs the learner's code), ``zygote`` (imports once,
then forks a solver per submission), ``processes`` (where solvers come from and how they end),
``engine`` (asks a solver and judges its answers; no learner's code ever enters its process).
"""
