"""Trials: what is new is tried on incidents that people closed, before it is in force."""
