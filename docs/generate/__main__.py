"""Write every generated page: `make reference`."""

from generate.site import DOCS, pages


def main() -> None:
    """Write the pages that differ."""
    for name, text in pages().items():
        path = DOCS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
