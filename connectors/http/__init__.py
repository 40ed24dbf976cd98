"""HTTP the way every connector needs it: a total deadline, proof of what was sent, one origin, TLS always verified."""

from connectors.http.transport import HttpAnswer, HttpTransport, Origin

__all__ = ["HttpAnswer", "HttpTransport", "Origin"]
