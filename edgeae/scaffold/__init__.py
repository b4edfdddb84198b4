"""`edgeae init`: writes a user's repository, whose gate passes without changes, from templates."""
