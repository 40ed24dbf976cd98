"""A statement from any broker, typed or exported into our own table: `read_statements` and `write_template`."""

from adapters.broker.generic_statement.read import is_generic, read_statements
from adapters.broker.generic_statement.template import write_template

__all__ = ["is_generic", "read_statements", "write_template"]
