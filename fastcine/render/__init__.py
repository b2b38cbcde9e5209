"""Frames to display pictures on the server. Pure."""
