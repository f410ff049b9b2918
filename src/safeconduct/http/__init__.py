"""Routes and their schemas. Rules live in the features; here a request becomes a use case and its answer bytes."""
