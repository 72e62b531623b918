"""Tests of the enqueuer against real servers, with a large backlog and with faults on purpose."""
