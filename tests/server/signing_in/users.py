"""Users of the tests of sign-in, and what they do."""

import asyncio

from yarl import URL

from fastcine.archive import audit_log
from fastcine.auth.roles import Role
from fastcine.server.context import CONTEXT

PASSWORD = "an angiogram a day"
USERS = {"reader": Role.READER, "tech": Role.TECHNOLOGIST, "admin": Role.ADMINISTRATOR}
FORM = "application/x-www-form-urlencoded"


async def sign_in(client, name="reader", password=PASSWORD, **more):
    form = {"name": name, "password": password, "next": "/"}
    return await client.post("/sign-in", data=form, allow_redirects=False, **more)


def bearer(client, name):
    return {"Authorization": f"Bearer {client.tokens[name]}"}


def cookie_of(client):
    return client.session.cookie_jar.filter_cookies(URL(client.make_url("/")))["fastcine"].value


async def recorded(client, index):
    """The audit record once what waits is written."""
    audit = client.app[CONTEXT].audit
    while audit._waiting or audit._writing is not None:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    return [(row.entry.event, row.entry.who) for row in audit_log.rows(index)]
