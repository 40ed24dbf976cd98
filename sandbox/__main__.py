"""`python -m sandbox NAME …`: starts a stand-in or writes the demo company's files; without a name it lists what there is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from sandbox import statements
from sandbox.cosmic import command as cosmic
from sandbox.diff import command as diff
from sandbox.file_drop import command as file_drop
from sandbox.generic import command as generic
from sandbox.kingdee import command as kingdee
from sandbox.nccloud import command as nccloud
from sandbox.odoo import command as odoo
from sandbox.proxy import command as proxy
from sandbox.sap import command as sap
from sandbox.u8cloud import command as u8cloud
from sandbox.u8openapi import command as u8openapi
from sandbox.yonbip import command as yonbip

COMMANDS = {
    "diff": (diff, "a broker's DIFF gateway on a loopback port, with an exchange of its own"),
    "cosmic": (cosmic, "a Kingdee Cosmic data centre on a loopback port, loaded with the demo company"),
    "file_drop": (
        file_drop,
        "an ERP that talks by files in a folder: the demo company's lists, and an import of vouchers",
    ),
    "generic": (generic, "an ERP with paged JSON and OData lists on a loopback port, loaded with the demo company"),
    "kingdee": (kingdee, "a Kingdee K/3 Cloud site on a loopback port, loaded with the demo company"),
    "nccloud": (nccloud, "a Yonyou NC Cloud business centre on a loopback port, loaded with the demo company"),
    "odoo": (odoo, "an Odoo of any release from 14 to 19 on a loopback port, loaded with the demo company"),
    "proxy": (proxy, "a way to any other system that delays, refuses, cuts, stalls or loses answers by rule"),
    "sap": (sap, "an SAP S/4HANA system on a loopback port, loaded with the demo company"),
    "statements": (statements, "the demo company's broker statements, price lists and designation as files"),
    "u8cloud": (u8cloud, "a Yonyou U8 Cloud site on a loopback port, loaded with the demo company"),
    "u8openapi": (u8openapi, "a Yonyou U8+ behind its OpenAPI relay on a loopback port, loaded with the demo company"),
    "yonbip": (yonbip, "a Yonyou YonBIP tenant on a loopback port, loaded with the demo company"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code of the command; 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    names = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    for name, (module, what) in COMMANDS.items():
        module.add_arguments(names.add_parser(name, help=what, description=module.__doc__))
    given = parser.parse_args(arguments)
    return COMMANDS[given.name][0].main(given)


if __name__ == "__main__":
    sys.exit(main())
