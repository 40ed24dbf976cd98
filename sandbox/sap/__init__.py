"""A stand-in for SAP S/4HANA: OData V2 and V4 services and the journal entry SOAP endpoint over one set of SQLite books."""
