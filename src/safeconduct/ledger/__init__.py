"""The joint log: envelope, tree, tiles, checkpoints, proofs, witness, verifier. Knows origins, never agreements."""
