"""Does the state tell the truth? The table, the manifests and the objects, compared and set right.

* `survey` reads all of it once, completely and in parallel, into a `ledger` on disk.
* `judgement` says what is wrong; pure.
* `repair`, `prune` and `replay` act on it, each after looking again at what it is about to change.
* `status` and `page` tell; `python -m extractor.reconcile` is the command line.
"""
