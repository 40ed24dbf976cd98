"""A stand-in of a DIFF gateway: websocket, accounts, an exchange of its own, a day that rolls."""
