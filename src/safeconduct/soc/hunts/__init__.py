"""Hunts: typed questions over the stored events, answered with the ids of the events that the answer rests on."""
