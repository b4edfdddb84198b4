"""What `edgeae init` writes: a user's own repository, whose gate passes as it stands."""
