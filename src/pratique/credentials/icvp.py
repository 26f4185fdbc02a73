"""ICVP, WHO's International Certificate of Vaccination or Prophylaxis, inside an HCERT (claim −260, key −6).

The subclaim is a proposal (smart-icvp, 2025-10-30), so it is read only where a snapshot says so.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

_Date = Annotated[str, Meta(pattern=r"^[0-9]{4}(-[0-9]{2}){0,2}\Z")]
_Short = Annotated[str, Meta(min_length=1, max_length=200)]


class _Dose(msgspec.Struct, kw_only=True):
    vp: _Short
    dt: _Date
    bo: _Short | msgspec.UnsetType = msgspec.UNSET
    vls: _Date | msgspec.UnsetType = msgspec.UNSET
    vle: _Date | msgspec.UnsetType = msgspec.UNSET
    cn: _Short | msgspec.UnsetType = msgspec.UNSET
    is_: _Short | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="is")


class _Icvp(msgspec.Struct, kw_only=True):
    n: _Short
    dob: _Date
    v: Annotated[list[_Dose], Meta(min_length=1, max_length=16)]
    s: _Short | msgspec.UnsetType = msgspec.UNSET
    ntl: _Short | msgspec.UnsetType = msgspec.UNSET
    nid: _Short | msgspec.UnsetType = msgspec.UNSET
    ndt: _Short | msgspec.UnsetType = msgspec.UNSET
    gn: _Short | msgspec.UnsetType = msgspec.UNSET


def icvp_fault(content: Any) -> str | None:
    """Where the (tidied) contents leave the model, in words without contents; None if they follow it."""
    if content is None:
        return "no content that is read here"
    try:
        msgspec.convert(content, _Icvp)
    except msgspec.ValidationError as fault:
        return str(fault)
    return None
