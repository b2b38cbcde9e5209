"""Who may come in and do what: roles, passwords, sessions, tokens. Decides; the index keeps the rows."""
