"""Safeconduct: a control plane for trusted access to cyber-capable AI models."""
