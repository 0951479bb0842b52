"""What must hold: laws, the problems they are tried on, and what "equal" means.

strategies/ says what is drawn, trial.py tries a backend on it, agreement.py compares, law.py turns a
law into a test. Each test_<chapter>.py holds the laws of a chapter.
"""
