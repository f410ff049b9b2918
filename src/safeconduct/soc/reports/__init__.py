"""An incident on paper and for others' tools: what happened, what of it is proven, what was said and did not hold."""
