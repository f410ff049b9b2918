"""Where a log's static files are published: a folder, or a store that speaks S3."""
