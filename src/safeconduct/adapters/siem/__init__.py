"""Destinations of the log's rows: each speaks its vendor's protocol and keeps the port `ledger.shipping.Destination`."""
