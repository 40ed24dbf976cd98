"""Places that keep copies of checkpoints: a folder on a write-once share, a mailbox."""

from adapters.anchors.folder import FolderAnchor
from adapters.anchors.mail import MailAnchor, MailServer

__all__ = ["FolderAnchor", "MailAnchor", "MailServer"]
