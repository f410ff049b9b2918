"""Who may do what: the program file, principals, paths, scopes, grants, tokens, freezes, and the compiled standing."""
