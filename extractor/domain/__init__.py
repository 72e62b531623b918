"""Values and rules of the project: policies, jobs, keys, messages, manifests. Pure: no I/O."""
