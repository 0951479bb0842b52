"""What every run of pytest in this folder begins with, before NumPy or a framework is imported."""

from conformance.environment import settle

settle()

pytest_plugins = ["conformance.plugin"]
