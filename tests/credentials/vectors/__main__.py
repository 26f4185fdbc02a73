"""`python -m tests.credentials.vectors` writes the file again: after a deliberate change, then read the diff."""

from tests.credentials.vectors.document import PATH, document, written

if __name__ == "__main__":
    PATH.write_text(written(document()), encoding="utf-8")
    print(f"{PATH}: {len(document()['cases'])} cases")
