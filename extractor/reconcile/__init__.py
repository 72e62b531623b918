"""The reconciler: compares the state table, the manifests and the objects, and repairs differences.

* `scan` reads all three once, completely and in parallel, into a `snapshot` on disk.
* `checks` finds problems in a snapshot. Pure: no I/O.
* `repair`, `prune` and `replay` change something, each after it has looked again at what it changes.
* `outcomes` and `report` show the state. `python -m extractor.reconcile` is the command line.
"""
