"""Where keys are kept beside files: PKCS#11 tokens, and the Transit API of OpenBao and Vault."""
