"""Load from outside: link emulator, headless viewers, and the reports behind `fastcine bench`."""
