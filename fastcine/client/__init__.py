"""What speaks to a server from outside: the headless player."""
