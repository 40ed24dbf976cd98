"""The module hedge_bridge: what HedgeBridge shows in Odoo, and the one call with which it posts."""

from . import models
from .hooks import post_init_hook
