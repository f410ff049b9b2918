"""Gateways of others, set up beside ours for comparison. An optional download: nothing of the product needs them."""
