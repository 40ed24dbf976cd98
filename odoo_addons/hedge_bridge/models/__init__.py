from . import account_move, hedge_match, hedge_position
