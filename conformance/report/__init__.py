"""A report is a pure function of the document of a run: one module for each form that it takes."""
