"""What the bare page is served from: nginx where it is installed, else an aiohttp server of static files."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

INSTALL_NGINX = "sudo apt-get install nginx-light"
FRAME_TYPE = "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.202"
"""HTJ2K lossless, RPCL: the loader reads the transfer syntax from the media type."""
APP_CACHE = "public, max-age=31536000, immutable"
NGINX_CONF = """\
daemon off; master_process off; pid {scratch}/nginx.pid; error_log {scratch}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;
  client_body_temp_path {scratch}/body; proxy_temp_path {scratch}/proxy; fastcgi_temp_path {scratch}/fastcgi;
  uwsgi_temp_path {scratch}/uwsgi; scgi_temp_path {scratch}/scgi;
  types {{ text/html html; text/javascript js; application/wasm wasm; application/json json; }}
  gzip on; gzip_comp_level 9; gzip_types text/javascript application/wasm;
  server {{
    listen 127.0.0.1:{port}; root {root};
    location /app/ {{ add_header Cache-Control "{app_cache}"; }}
    location = / {{ add_header Cache-Control no-store; try_files /index.html =404; }}
    location /runs/ {{
      add_header Cache-Control no-store; types {{ application/json json; }} default_type "{frame_type}";
    }}
  }}
}}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def server_name() -> str:
    return "nginx" if shutil.which("nginx") else "aiohttp"


def nginx_conf(root: Path, scratch: Path, port: int) -> str:
    return NGINX_CONF.format(root=root, scratch=scratch, port=port, app_cache=APP_CACHE, frame_type=FRAME_TYPE)


def _wait_until_answering(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(200):
        if process.poll() is not None:
            raise RuntimeError(f"the static file server ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the static file server does not answer")


@contextmanager
def serving_files(root: Path, scratch: Path, *, name: str | None = None, port: int | None = None) -> Iterator[str]:
    """Serve `root` (index.html, app/, runs/) on a loopback port, a free one by default; yields the URL."""
    scratch.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    if (name or server_name()) == "nginx":
        conf = scratch / "nginx.conf"
        conf.write_text(nginx_conf(root.absolute(), scratch.absolute(), port))
        words = [shutil.which("nginx") or "nginx", "-c", str(conf.absolute()), "-p", str(scratch.absolute())]
    else:
        words = [sys.executable, "-m", "bench.static_files", str(root), str(port)]
    process = subprocess.Popen(words, cwd=Path(__file__).parents[1], env=dict(os.environ))
    try:
        _wait_until_answering(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _serve_with_aiohttp(root: Path, port: int) -> None:
    from aiohttp import web

    types = {".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm", ".json": "application/json"}

    def found(name: str) -> Path | None:
        path = (root / (name or "index.html")).resolve()
        return path if path.is_relative_to(root.resolve()) and path.is_file() else None

    async def answer(request: web.Request) -> web.StreamResponse:
        path = found(request.match_info["path"])
        if path is None:
            raise web.HTTPNotFound
        cache = APP_CACHE if path.parent.name == "app" else "no-store"
        media_type = types.get(path.suffix, FRAME_TYPE)
        return web.FileResponse(path, headers={"Cache-Control": cache, "Content-Type": media_type})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    _serve_with_aiohttp(Path(sys.argv[1]), int(sys.argv[2]))
