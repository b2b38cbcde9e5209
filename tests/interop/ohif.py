"""OHIF's built files beside an archive of ours, under one origin: a small reverse proxy, as hospitals put it."""

import asyncio
import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import threading
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "bench/.cache"
PINNED = json.loads((Path(__file__).parent / "ohif.json").read_text())
"""Name, version and the tarball's integrity; its dependencies are bundled in it and need no installing."""
CONFIG = """\
window.config = {
  routerBasename: null, extensions: [], modes: [], customizationService: {}, showStudyList: true,
  maxNumberOfWebWorkers: 2, showWarningMessageForCrossOrigin: false, showCPUFallbackMessage: false,
  strictZSpacingForVolumeViewport: true, investigationalUseDialog: { option: 'never' },
  defaultDataSourceName: 'fastcine',
  dataSources: [{
    namespace: '@ohif/extension-default.dataSourcesModule.dicomweb', sourceName: 'fastcine',
    configuration: {
      friendlyName: 'fastcine', name: 'fastcine', qidoRoot: '/dicomweb', wadoRoot: '/dicomweb',
      wadoUriRoot: '/dicomweb', qidoSupportsIncludeField: true, supportsFuzzyMatching: true, supportsWildcard: true,
      imageRendering: 'wadors', thumbnailRendering: 'wadors', enableStudyLazyLoad: true, staticWado: false,
      bulkDataURI: { enabled: true }, omitQuotationForMultipartRequest: false,
    },
  }],
};
"""
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "upgrade", "te", "trailer"}


def _fetched(folder):
    """Its tarball by npm, held against the integrity that stands in ohif.json. Raises on anything else."""
    words = ["npm", "pack", f"{PINNED['name']}@{PINNED['version']}", "--ignore-scripts", "--json"]
    done = subprocess.run([*words, "--pack-destination", str(folder)], capture_output=True, text=True, timeout=300)
    if done.returncode:
        return None
    (tarball,) = folder.glob("*.tgz")
    algorithm, _, expected = PINNED["integrity"].partition("-")
    found = base64.b64encode(hashlib.new(algorithm, tarball.read_bytes()).digest()).decode()
    assert found == expected, "OHIF's package is not the one that is pinned"
    return tarball


def built_files():
    """The folder of its built files, fetched once; skips where it cannot be had."""
    site = CACHE / f"ohif-{PINNED['version']}"
    if site.is_dir():
        return site
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed, OHIF cannot be fetched")
    scratch = site.with_suffix(".part")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    tarball = _fetched(scratch)
    if tarball is None:
        pytest.skip(f"npm cannot fetch {PINNED['name']} {PINNED['version']}: no network, or no such package there")
    with tarfile.open(tarball) as archive:
        archive.extractall(scratch, filter="data")
    (scratch / "package/dist").rename(site)
    shutil.rmtree(scratch)
    return site


def _proxy(site, target):
    """The application: OHIF's files, its configuration, and `/dicomweb` passed on with the Host it was called by."""
    session = None
    asked = []

    async def start(_app):
        nonlocal session
        session = aiohttp.ClientSession(auto_decompress=False)
        yield
        await session.close()

    async def passed_on(request):
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        body = await request.read() if request.can_read_body else None
        url = target + request.raw_path
        async with session.request(request.method, url, headers=headers, data=body, allow_redirects=False) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
            asked.append((answer.status, request.raw_path, request.headers.get("Accept", "")))
            response = web.StreamResponse(status=answer.status, headers=kept)
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response

    async def file(request):
        path = (site / request.match_info["path"]).resolve()
        if request.match_info["path"] == "app-config.js":
            return web.Response(text=CONFIG, content_type="text/javascript")
        if not path.is_relative_to(site) or not path.is_file():
            path = site / "index.html"  # every page of it is one
        return web.FileResponse(path)

    app = web.Application(client_max_size=1 << 26)
    app.cleanup_ctx.append(start)
    app.router.add_route("*", "/dicomweb/{rest:.*}", passed_on)
    app.router.add_get("/{path:.*}", file)
    return app, asked


@contextmanager
def ohif_before(server):
    """OHIF at an address of its own, before an archive; yields the address and what was asked of `/dicomweb`."""
    app, asked = _proxy(built_files().resolve(), server.url)
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(app, access_log=None)

    async def begin():
        await runner.setup()
        place = web.TCPSite(runner, "127.0.0.1", 0)
        await place.start()
        return place._server.sockets[0].getsockname()[1]

    port = loop.run_until_complete(begin())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}", asked
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
