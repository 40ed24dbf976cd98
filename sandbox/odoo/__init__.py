"""A stand-in for Odoo Community, 14 to 19: XML-RPC, JSON-RPC and JSON-2 over real SQLite books; no code of its clients."""
