"""Resource ids of Azure: which machine or identity a managed identity's token is about."""

import re
from typing import NamedTuple

MAX_RESOURCE_ID = 2048

_RESOURCE_ID = re.compile(
    r"/subscriptions/([^/\0- ]+)/resourceGroups/([^/\0- ]+)/providers"
    r"/Microsoft\.(?:Compute/virtualMachines|ManagedIdentity/userAssignedIdentities)/([^/\0- ]+)",
    re.IGNORECASE | re.ASCII,
)


class Resource(NamedTuple):
    """A virtual machine, or an identity that is assigned to machines."""

    subscription: str
    group: str
    name: str


def parse_resource_id(text: str) -> Resource | None:
    """Parse the resource id of a virtual machine or a user-assigned identity; None for any other.

    Azure compares the ids without regard to case and writes them in several ways.
    """
    found = _RESOURCE_ID.fullmatch(text) if len(text) <= MAX_RESOURCE_ID else None
    return Resource(*found.groups()) if found else None
