"""aiohttp: composition root, stream socket, routes, middleware, static files."""
