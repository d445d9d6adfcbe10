"""Notebooks that attack the grader, with the marks that they honestly deserve."""
