"""Incidents: alerts that belong together, found, opened in the log, made whole again, regrouped and closed."""
