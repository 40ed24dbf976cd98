"""Wire client of Yonyou YonBIP / YonSuite (用友): data-centre look-up, signed token, gateway calls, exact numbers out."""

from connectors.yonbip.client import Page, YonBipClient, YonBipLogin

__all__ = ["Page", "YonBipClient", "YonBipLogin"]
