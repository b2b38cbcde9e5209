"""The archive: objects on disk, the index, the ingest queue and its owner, the cine cache. First layer with I/O.

Everything here is synchronous; event loops call it in threads. It knows files, SQLite and sockets, and neither
HTTP nor DIMSE.
"""
