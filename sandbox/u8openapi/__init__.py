"""A U8+ stand-in: the OpenAPI relay of one invented account set, and the EAI interface of its server."""
