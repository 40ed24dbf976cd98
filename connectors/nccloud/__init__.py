"""Wire client of Yonyou NC Cloud (用友 NC Cloud): sealed secrets, salted signatures, and bodies at five levels of protection."""

from connectors.nccloud.client import NcCloudClient, NcCloudLogin
from connectors.nccloud.envelope import Signals, values

__all__ = ["NcCloudClient", "NcCloudLogin", "Signals", "values"]
