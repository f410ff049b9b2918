"""What an organization's own directory says of its people, as SCIM brings it; it can only ever take access away."""
