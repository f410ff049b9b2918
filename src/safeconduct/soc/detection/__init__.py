"""Sigma rules on events: parsed by pySigma, brought to a form of our own, matched on the events' own field names."""
