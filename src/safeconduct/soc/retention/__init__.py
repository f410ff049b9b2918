"""For how long telemetry is kept: what is due, what holds it back, the orders to destroy the rest, and what is gone.

What a program states is a bound for who keeps it, not a licence: a legal hold on the log wins over it, and so does an
incident for as long as it is open, and for the same days again after it was closed.
"""
