"""An NC Cloud stand-in: the open platform of one invented business centre, with orders, stock and a general ledger."""
