"""One frame in, pixels out, and back; which transfer syntax is decoded by what. Pure."""
