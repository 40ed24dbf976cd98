"""The audit log as pure code: events and their bytes, the Merkle tree, proofs, checkpoints and verification."""

from hedge_core.audit.checkpoints import Checkpoint, VerifierKey, log_origin, read_checkpoint, sign_checkpoint
from hedge_core.audit.events import AuditEvent, event_bytes, read_event
from hedge_core.audit.tree import EMPTY_ROOT, Frontier, leaf_hash, root_of
from hedge_core.audit.verification import verify_log

__all__ = [
    "EMPTY_ROOT",
    "AuditEvent",
    "Checkpoint",
    "Frontier",
    "VerifierKey",
    "event_bytes",
    "leaf_hash",
    "log_origin",
    "read_checkpoint",
    "read_event",
    "root_of",
    "sign_checkpoint",
    "verify_log",
]
