"""Destinations of the log's rows: each speaks its vendor's protocol and keeps the port of `ledger.shipping`."""
