"""One-line changes of the modules that give the guarantee, and the tests that must notice each.

`python -m tests.mutation` applies them one by one to a copy of the repository:
see docs/explanation/mutation.md.
"""
