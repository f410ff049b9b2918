"""Recurring duties: met with evidence that the other party accepts, or the tier falls by the steps agreed."""
