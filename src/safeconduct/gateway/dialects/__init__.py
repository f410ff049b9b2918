"""How callers and upstreams speak: one value a dialect, so that machine, preparation and routes know none of them."""
