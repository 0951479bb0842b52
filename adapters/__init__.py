"""Who is on trial: one file a backend, each a table of one-line calls under the reference's names.

torch.py, jax.py and reference.py are adapters; so is any module, or plain file, with functions of the
reference's names and signatures. loading.py finds them, backend.py calls them, deviations.py is the
form of an entry in the ledger of known deviations.
"""
