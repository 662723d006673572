"""The one-page figure of an audit."""

from pathlib import Path

from PIL import Image

from grokking.audit.report_page import DPI, draw_page
from grokking.audit.verdict import NOTHING
from grokking.config import RunConfig


def test_an_audit_without_checks_is_its_heading_alone(tmp_path: Path) -> None:
    audited = {"verdict": NOTHING, "why": "S3 is not cyclic", "key_frequencies": [], "checks": []}
    record = {"config": RunConfig(task="s3").as_dict(), "epoch": 0, "operations": {"s3": audited}}
    with Image.open(draw_page(record, "s3", tmp_path / "audit.png")) as picture:
        assert picture.size == (12 * DPI, 1.5 * DPI)
