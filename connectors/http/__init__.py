"""HTTP the way every connector needs it: a total deadline, proof of what was sent, one origin, TLS always verified."""

from connectors.http.origin import Origin
from connectors.http.probe import Seen, Way, look
from connectors.http.transport import HttpAnswer, HttpTransport

__all__ = ["HttpAnswer", "HttpTransport", "Origin", "Seen", "Way", "look"]
