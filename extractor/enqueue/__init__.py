"""The use case of the enqueuer: a message for every video that is fetched and not extracted.

`order` says what to queue, `dispatch` queues it with several senders, `checkpoint` remembers how far that
came, and `watch` looks on while the workers take it away. Nothing that was to be queued is lost, whatever
ends a run; a message may be queued twice, which the worker makes harmless.
"""
