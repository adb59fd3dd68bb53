"""The preview shows every e-mail there is."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
from notification.content import Content, Reason

FOLDER = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def aws() -> None:
    """None: what is tested here is pure."""


@pytest.fixture
def preview(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("preview")


def test_every_template_and_reason_is_shown(preview: Any, tmp_path: Path) -> None:
    (tmp_path / "old.en.html").touch()
    index = preview.write_all(tmp_path / "deep")
    assert preview.write_all(tmp_path / "deep") == index
    shown = dict(preview.contents())
    union, _ = get_args(Content)
    templates = {
        get_args(model.model_fields["template"].annotation)[0] for model in get_args(union)
    }
    assert {content.template for content in shown.values()} == templates
    assert {getattr(content, "reason", None) for content in shown.values()} >= set(Reason)
    page = index.read_text()
    for name in shown:
        for locale in preview.LOCALES:
            for suffix in ("html", "txt"):
                file = f"{name}.{locale}.{suffix}"
                assert f'"{file}"' in page
                assert (tmp_path / "deep" / file).stat().st_size > 200
    assert (tmp_path / "old.en.html").exists()


def test_a_receipt_with_shipping_adds_up(preview: Any) -> None:
    receipt = dict(preview.contents())["receipt-with-shipping"]
    goods = sum(line.price * line.quantity for line in receipt.lines)
    assert receipt.gross == goods + receipt.shipping == receipt.net + receipt.tax
