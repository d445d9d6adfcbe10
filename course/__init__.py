"""Gradient Clinic: backpropagation and the training of deep networks, by measurement.

Learners import from :mod:`course.notebook`. Everything else is a room of the house below it:
``data``, ``nets``, ``probe``, ``claims``, ``plots``, ``quiz``, ``check``, ``labs``, ``progress``.
``python -m course --help`` lists the commands.
"""

__version__ = "0.1.0"
