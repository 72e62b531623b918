"""The enqueuer: sends a message for every video that is fetched and not extracted.

`request` says what to queue, `enqueuer` sends it with several threads, `checkpoint` records how far a run
has come, and `monitor` reports while the workers drain the queue. An interrupted run loses no video; a
message may be sent twice, which the worker makes harmless.
"""
