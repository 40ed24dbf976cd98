"""The invented demo company: a copper and aluminium trader, its ERP data, its broker accounts and their statements."""
