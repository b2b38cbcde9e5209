"""fastcine: an open cardiology PACS whose cine loops play the instant they are opened. Not a medical device."""

__version__ = "0.1.0"
