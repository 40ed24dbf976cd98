"""A folder shared with another system: files come in when they are at rest, files go out whole, and nothing leaves the folder."""

from connectors.drop_folder.folder import AREAS, Area, DropFolder, Dropped, Wait

__all__ = ["AREAS", "Area", "DropFolder", "Dropped", "Wait"]
