"""CPU time of this process. Has almost no imports, because cold starts are measured with it."""

import resource


def cpu_seconds() -> float:
    """Return user and system time of this process and of the children that it has waited for."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
