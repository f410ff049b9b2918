"""What raw records mean, as OCSF 1.8.0 objects: one declarative table per source.

The version is pinned: class ids, activities and required attributes are those of the published schema 1.8.0
(https://schema.ocsf.io/1.8.0). Account changes are class 3001 there; 1.9.0 replaces it by User Management.
"""
