"""The SIEM that is there: its alerts come in, hunts are asked of it within limits, and verdicts go back to it."""
