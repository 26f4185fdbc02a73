"""`pratique area`: the areas of this deployment. Thin."""

from collections.abc import Callable
from contextlib import closing
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from pratique.core.text import Text
from pratique.mandates import service
from pratique.mandates.cli import Opened

Json = Annotated[bool, Parameter(name="--json")]


def area_commands(open_house: Callable[[], Opened]) -> App:
    """The commands of the operator."""
    app = App(name="area", help="The areas of this deployment: list, add.")

    @app.command(name="list")
    def list_areas(*, as_json: Json = False) -> int:
        """Every area by its code, with its names."""
        with closing(open_house()) as house, house.store.read() as tx:
            found = service.areas(tx)
        for one in found:
            said = f"{one.code}  {one.name.en} / {one.name.zh_hans}"
            print(msgspec.json.encode(one).decode() if as_json else said)
        return 0

    @app.command
    def add(code: str, /, *, en: str, zh: str, as_json: Json = False) -> int:
        """Add an area, or name one anew.

        Parameters
        ----------
        code
            What mandates and grants call it: small letters, digits and hyphens.
        en
            Its name in English.
        zh
            Its name in Chinese.
        """
        with closing(open_house()) as house:
            made = house.store.write(lambda tx: service.add_area(tx, house.moment(), code, Text(en, zh)))
        print(
            msgspec.json.encode(made).decode()
            if as_json
            else f"{made.code}: {made.name.en} / {made.name.zh_hans}"
        )
        return 0

    return app
