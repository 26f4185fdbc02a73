"""Passes and health certificates: read, verify, issue.

`from pratique.credentials import verify` is the door for library users. It loads nothing but what it needs: the
module `verify` can itself be called (see there), so this file imports nothing at run time.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pratique.credentials.verify import verify as verify
