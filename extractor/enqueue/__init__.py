"""The enqueuer: sends a message for every video that is fetched and not extracted.

`request` says what to queue, `enqueuer` sends it with several threads, `checkpoint` records the progress of a
run, and `monitor` reports while the workers drain the queue. An interrupted run skips no video; it may send a
message twice, which is harmless because the worker is idempotent.
"""
