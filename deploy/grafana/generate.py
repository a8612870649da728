"""Writes deploy/grafana/dashboards/*.json from the boards in logstream_dashboards.

Run by `make dashboards`; with --check it only tells whether the files are as they would be written.
"""

import sys
from pathlib import Path

from logstream_dashboards import broker, database, gateway, overview, query, stream, writer
from logstream_dashboards.rendering import render

FOLDER = Path(__file__).parent / "dashboards"
BOARDS = tuple(module.BOARD for module in (overview, gateway, writer, query, stream, broker, database))


def main() -> int:
    files = {FOLDER / f"{board.uid}.json": render(board) for board in BOARDS}
    stale = sorted(set(FOLDER.glob("*.json")) - files.keys())
    if "--check" in sys.argv[1:]:
        stale += [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
        if stale:
            names = ", ".join(sorted(path.name for path in stale))
            print(f"deploy/grafana/dashboards: not as generated, run make dashboards: {names}", file=sys.stderr)
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for path in stale:
        path.unlink()
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
