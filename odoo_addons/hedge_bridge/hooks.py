"""What happens once, when the module is installed."""


def post_init_hook(env):
    """Entries that HedgeBridge made before the module was there carry their key in an external id: put it into
    `hedge_ref`, so that the unique index guards them too."""
    names = (
        env["ir.model.data"]
        .sudo()
        .search([("module", "=", "hedgebridge"), ("model", "=", "account.move"), ("name", "=like", "voucher\\_%")])
    )
    for name in names:
        move = env["account.move"].sudo().browse(name.res_id).exists()
        if move and not move.hedge_ref:
            move.hedge_ref = name.name.removeprefix("voucher_")
