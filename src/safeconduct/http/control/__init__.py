"""The control API: one module per noun with a `router` under the prefix /api/v1; plural nouns, verbs as last part.

Reading routes take `frame.Reading`; changing ones `frame.SignedBytes`, and hand the act to the use case, which
authenticates it. `context.Installation` gives them what they work on.
"""
