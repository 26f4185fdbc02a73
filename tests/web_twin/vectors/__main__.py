"""`python -m tests.web_twin.vectors` writes the file. Keys are hashes of their names, so that it can be made again."""

from tests.web_twin.vectors.document import document, written
from tests.web_twin.vectors.parts import PATH

PATH.write_text(written(document()), encoding="utf-8")
print(f"{PATH.name}: written")
