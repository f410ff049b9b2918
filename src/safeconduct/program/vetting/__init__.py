"""Vetting: who is found fit before their calls are taken, by evidence, assessors and a second reviewer."""
