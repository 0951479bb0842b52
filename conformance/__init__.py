"""The trial: which checks there are, how a run is recorded, and the report on it.

A check is run on every backend by plugin.py. records.py keeps what happened while it happens,
results.py makes of it one document that does not depend on the machine, and report/ prints that.
"""

__version__ = "0.1.0"
