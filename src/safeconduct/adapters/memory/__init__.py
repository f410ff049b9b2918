"""Adapters without a disk: the fast half of the tests and the reference for each port's contract suite."""
