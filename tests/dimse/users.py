"""Service users that are not ours: pynetdicom as it is (and dcmtk, in test_dcmtk.py)."""

import io
import time
from collections import defaultdict
from contextlib import contextmanager

from pynetdicom import AE, _config, build_context, build_role, evt
from pynetdicom.dimse_primitives import C_STORE

from fastcine.archive.digest import data_set_offset
from fastcine.dicom.parse import parse_object

# Retired and private storage classes too: the one global of pynetdicom that a user of it may set for that.
_config.UNRESTRICTED_STORAGE_SERVICE = True

GET = {"patient": "1.2.840.10008.5.1.4.1.2.1.3", "study": "1.2.840.10008.5.1.4.1.2.2.3"}
MOVE = {"patient": "1.2.840.10008.5.1.4.1.2.1.2", "study": "1.2.840.10008.5.1.4.1.2.2.2"}
FIND = {"patient": "1.2.840.10008.5.1.4.1.2.1.1", "study": "1.2.840.10008.5.1.4.1.2.2.1"}


class Sent:
    """An object as a sender has it: what it announces, and its data set's bytes."""

    def __init__(self, path, row):
        data = path.read_bytes()
        self.path = path
        self.data_set = data[data_set_offset(data[:65536]) :]
        self.sop_instance_uid, self.sop_class_uid = row.sop_instance_uid, row.sop_class_uid
        self.transfer_syntax_uid = parse_object(data).transfer_syntax_uid
        self.study_instance_uid = row.study_instance_uid


def entity(title="TESTER"):
    found = AE(title)
    found.dimse_timeout = found.acse_timeout = found.network_timeout = 30
    return found


@contextmanager
def associated(port, contexts, *, title="TESTER", called="FASTCINE", ext_neg=None, handlers=None):
    association = entity(title).associate(
        "127.0.0.1", port, contexts, ae_title=called, ext_neg=ext_neg, evt_handlers=handlers or [], max_pdu=0
    )
    try:
        yield association
    finally:
        association._reactor_checkpoint.set()
        if association.is_established:
            association.release()


def store_raw(association, sent, *, sop_class_uid=None, sop_instance_uid=None):
    """C-STORE of bytes as they are; the answer's status and comment."""
    context = next(
        cx
        for cx in association.accepted_contexts
        if cx.abstract_syntax == sent.sop_class_uid and cx.transfer_syntax[0] == sent.transfer_syntax_uid
    )
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID = sop_class_uid or sent.sop_class_uid
    request.AffectedSOPInstanceUID = sop_instance_uid or sent.sop_instance_uid
    request.DataSet = io.BytesIO(sent.data_set)
    # pynetdicom's own way has a race (its reactor may take the answer), so that thread is kept out for good.
    if association._reactor_checkpoint.is_set():
        association._reactor_checkpoint.clear()
        time.sleep(0.05)
    association.dimse.send_msg(request, context.context_id)
    _, answer = association.dimse.get_msg(block=True)
    return answer.Status, answer.ErrorComment


def in_batches(sents, most=100):
    """So that the contexts of each fit into one association."""
    batch, pairs = [], set()
    for sent in sents:
        pairs.add((sent.sop_class_uid, sent.transfer_syntax_uid))
        batch.append(sent)
        if len(pairs) >= most:
            yield batch, pairs
            batch, pairs = [], set()
    if batch:
        yield batch, pairs


def store_all(port, sents):
    """Status by SOP Instance UID."""
    found = {}
    for batch, pairs in in_batches(sents):
        with associated(port, [build_context(*pair) for pair in sorted(pairs)]) as association:
            assert association.is_established
            for sent in batch:
                found[sent.sop_instance_uid], _ = store_raw(association, sent)
    return found


@contextmanager
def getting(port, pairs, *, model="study"):
    """An association for C-GET; yields what asks: identifier to (data sets' bytes and syntaxes by UID, last status)."""
    found = {}

    def keep(event):
        uid = str(event.request.AffectedSOPInstanceUID)
        found[uid] = (event.request.DataSet.getvalue(), str(event.context.transfer_syntax))
        return 0

    contexts = [build_context(GET[model]), *(build_context(sop, syntaxes) for sop, syntaxes in sorted(pairs))]
    roles = [build_role(sop, scp_role=True) for sop in {sop for sop, _ in pairs}]
    with associated(port, contexts, ext_neg=roles, handlers=[(evt.EVT_C_STORE, keep)]) as association:
        assert association.is_established

        def ask(identifier):
            found.clear()
            statuses = [status for status, _ in association.send_c_get(identifier, GET[model])]
            return dict(found), statuses[-1]

        yield ask


@contextmanager
def receiving(port, title="DEST", syntaxes=None):
    """A storage provider: what it gets, by SOP Instance UID."""
    found = {}

    def keep(event):
        uid = str(event.request.AffectedSOPInstanceUID)
        found[uid] = (event.request.DataSet.getvalue(), str(event.context.transfer_syntax))
        return 0

    ours = entity(title)
    by_class = defaultdict(list)
    for sop, syntax in syntaxes:
        by_class[sop].append(syntax)
    for sop, each in by_class.items():
        ours.add_supported_context(sop, each)
    server = ours.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, keep)])
    try:
        yield found
    finally:
        server.shutdown()


def move(port, identifier, destination, *, model="study"):
    """C-MOVE: the last status, and its data set."""
    with associated(port, [build_context(MOVE[model])]) as association:
        assert association.is_established
        answers = list(association.send_c_move(identifier, destination, MOVE[model]))
    return answers[-1]


def find(port, identifier, *, model="study"):
    """C-FIND: the matches, and the last status."""
    with associated(port, [build_context(FIND[model])]) as association:
        assert association.is_established
        answers = list(association.send_c_find(identifier, FIND[model]))
    return [each for status, each in answers if status.Status in (0xFF00, 0xFF01)], answers[-1][0].Status
