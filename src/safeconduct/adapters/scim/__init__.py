"""SCIM 2.0 (RFC 7643, 7644) over the directories of access. The extra `scim` brings the protocol's own packages."""
