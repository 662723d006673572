"""What the two source documents claim, and what ``docs/claims.md`` says of it.

The page's claims lie in ``assets/claims.json``, in our own words: ``{"id", "section", "text",
"match": [regular expressions]}``. A claim has the verdict of the first row of the table whose claim
(that column alone: measurements of one thing mention many others) holds all of its expressions;
without one it is *not measured yet*, and the page says so.
"""

import json
import re
from pathlib import Path
from typing import Any

from grokking.errors import UserError

ASSETS = Path(__file__).parent / "assets"
COLUMNS = ("claim", "source", "measured", "verdict", "command")
NOT_YET = "not measured yet"
Row = dict[str, str]


def read_table(text: str) -> list[Row]:
    """Rows of every markdown table whose header names a claim and a verdict; cells as plain text."""
    rows: list[Row] = []
    header: list[str] | None = None
    for line in text.splitlines():
        cells = _cells(line)
        if cells is None:
            header = None
        elif header is None:
            names = [cell.lower().split(" (")[0] for cell in cells]  # "measured (n, interval)"
            header = names if {"claim", "verdict"} <= set(names) else [""]
        elif "claim" in header and not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            found = dict(zip(header, cells, strict=False))
            rows.append({name: found.get(name, "") for name in COLUMNS})
    return rows


def _cells(line: str) -> list[str] | None:
    line = line.strip()
    if not line.startswith("|"):
        return None
    inner = line[1:-1] if line.endswith("|") else line[1:]
    return [_plain(cell) for cell in re.split(r"(?<!\\)\|", inner)]


def _plain(cell: str) -> str:
    """Markdown's links, code and emphasis taken off; what is left is shown as text.

    A link to a page of this project is named by its path, which can be looked up.
    """
    cell = re.sub(r"\[[^\]]*\]\((?:\.\./)+([^)]*\.md)\)", r"\1", cell.strip().replace("\\|", "|"))
    cell = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", cell)
    return re.sub(r"`([^`]*)`", r"\1", re.sub(r"\*\*?([^*]+)\*\*?", r"\1", cell))


def known_claims() -> list[dict[str, Any]]:
    """The page's own list."""
    claims: list[dict[str, Any]] = json.loads((ASSETS / "claims.json").read_text(encoding="utf-8"))
    return claims


def judged(path: Path | None) -> dict[str, Any]:
    """``{"claims": every known claim with its row or null, "others": rows that belong to none}``.

    Without the file all claims stand unjudged. Raises UserError if it is there and cannot be read.
    """
    rows = read_table(_read(path)) if path is not None and path.exists() else []
    taken: set[int] = set()
    claims = []
    for claim in known_claims():
        at = next((i for i, row in enumerate(rows) if i not in taken and _matches(claim, row)), None)
        taken |= {at} if at is not None else set()
        claims.append(
            {
                "id": claim["id"],
                "section": claim["section"],
                "text": claim["text"],
                "row": None if at is None else rows[at],
            }
        )
    return {"claims": claims, "others": [row for i, row in enumerate(rows) if i not in taken]}


def _matches(claim: dict[str, Any], row: Row) -> bool:
    return all(re.search(pattern, row["claim"], re.IGNORECASE) for pattern in claim["match"])


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}") from error
