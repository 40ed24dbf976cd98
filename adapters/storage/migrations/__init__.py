"""The schema's history: one file per revision under `versions`, applied by `adapters.storage.upgrade`."""
