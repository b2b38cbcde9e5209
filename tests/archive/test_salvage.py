"""A damaged index: users and the audit record are saved as far as they can be read."""

from datetime import UTC, datetime

import pytest

from fastcine.archive import account_rows, audit_log, recovery
from fastcine.archive.audit_log import AuditEntry, AuditEvent
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.auth import accounts
from fastcine.auth.roles import Role
from tests.archive.factories import part10
from tests.archives import fill
from tests.serving import command


def test_whoever_is_killed_while_saving_begins_again(tmp_path, monkeypatch):
    folder = DataFolder(tmp_path / "data")
    index = Index(folder.index_path)
    accounts.add(index, "dr.smith", Role.READER, password=None)
    index.close()
    whole = folder.index_path.read_bytes()

    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    for name, at in (("salvage", recovery), ("replace", recovery.os)):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(at, name, killed)
            recovery._renewed(folder)
        assert folder.index_path.read_bytes() == whole, "the damaged one is still where it was"
    index = recovery._renewed(folder)
    assert [each.name for each in account_rows.accounts(index)] == ["dr.smith"]
    index.close()


def test_users_and_the_record_outlive_a_damaged_index(tmp_path):
    file = tmp_path / "one.dcm"
    file.write_bytes(part10("1.2.3"))
    fill(tmp_path / "data", [file])
    folder = DataFolder(tmp_path / "data")
    index = Index(folder.index_path)
    accounts.add(index, "dr.smith", Role.READER, password=None)
    entry = AuditEntry(at=datetime.now(UTC), event=AuditEvent.OPENED, who="dr.smith", by_way_of="browser")
    audit_log.append(index, [entry] * 300)
    head = audit_log.check_chain(index).head
    root = index.read(lambda c: c.execute("SELECT rootpage FROM sqlite_master WHERE name = 'series'").fetchone()[0])
    index.read(lambda c: c.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
    page_bytes = index.read(lambda c: c.execute("PRAGMA page_size").fetchone()[0])
    index.close()
    whole = bytearray(folder.index_path.read_bytes())
    whole[(root - 1) * page_bytes : root * page_bytes] = b"\xff" * page_bytes
    folder.index_path.write_bytes(whole)
    command("reindex", "--data", folder.root)
    index = Index(folder.index_path)
    try:
        assert [each.name for each in account_rows.accounts(index)] == ["dr.smith"]
        check = audit_log.check_chain(index)
        assert (check.rows, check.head, check.broken_at) == (300, head, 0)
        audit_log.append(index, [entry])
        assert audit_log.check_chain(index).broken_at == 0
        assert index.instance("1.2.3").sop_instance_uid == "1.2.3"
    finally:
        index.close()
