"""What it costs: programs that print measurements, never tests.

One thread, as in a run; so this stands before NumPy or a framework is imported.
"""

from conformance.environment import settle

settle()
