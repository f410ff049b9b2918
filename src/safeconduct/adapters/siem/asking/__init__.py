"""SIEMs that are asked: searches, alerts, and what they are told."""
