"""Renderers and files, no routes: they turn documents into pages."""
