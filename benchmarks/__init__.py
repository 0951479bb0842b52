"""What it costs: programs that print measurements, never tests.

One thread, as in a run, and nothing compiled beforehand; so this stands before NumPy or a framework is imported.
"""

import os

from conformance.environment import settle

settle()
os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"
