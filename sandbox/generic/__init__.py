"""An invented ERP with paged JSON and OData lists, in every style the generic connector knows."""
