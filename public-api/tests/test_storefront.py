"""The storefront's files, read: what a page loads, and what its modules name."""

import re
from pathlib import Path

import pytest

STOREFRONT = Path(__file__).parent.parent / "storefront"
PAGES = sorted(STOREFRONT.glob("*.html"))
IMPORT = re.compile(r"""^(?:import|export)\b[^;]*?["'](\.{1,2}/[^"']+)["'];""", re.MULTILINE)
DYNAMIC = {"log-in": {"lib/cognito.js"}, "sign-up": {"lib/cognito.js"}}
"""What a page loads beforehand, though it is imported only when it is needed."""


def imported(module: Path, seen: frozenset[str] = frozenset()) -> frozenset[str]:
    """The modules that a module loads, by and by, as paths in the folder."""
    for named in IMPORT.findall(module.read_text()):
        file = (module.parent / named).resolve()
        assert file.is_file(), f"{module.name} imports {named}, which is not there"
        path = file.relative_to(STOREFRONT.resolve()).as_posix()
        if path not in seen:
            seen = imported(file, seen | {path})
    return seen


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_asks_for_all_its_modules_at_once(page: Path) -> None:
    """Not for one after the other, as each is found to import the next."""
    text = page.read_text()
    (script,) = re.findall(r'<script type="module" src="/([^"]+)"', text)
    asked = re.findall(r'<link rel="modulepreload" href="/([^"]+)" />', text)
    assert len(asked) == len(set(asked))
    assert set(asked) == imported(STOREFRONT / script) | DYNAMIC.get(page.stem, set())


def test_every_module_is_of_use() -> None:
    named = " ".join(path.read_text() for path in STOREFRONT.rglob("*.*"))
    for module in STOREFRONT.rglob("*.js"):
        assert f"/{module.name}" in named, f"nothing loads {module.name}"


def test_what_the_banks_page_put_into_the_address_is_gone_before_anything_reads_it() -> None:
    """Whoever has the client secret can go on with the payment: no link, no Referer, has it."""
    first = IMPORT.findall((STOREFRONT / "paid.js").read_text())[0]
    assert first == "./lib/from-bank.js"
    module = (STOREFRONT / "lib/from-bank.js").read_text()
    assert not IMPORT.findall(module), "what it imports is run before it"
    assert "history.replaceState" in module
    page = (STOREFRONT / "paid.html").read_text()
    policy = page.index('<meta name="referrer" content="origin" />')
    assert policy < min(page.index("<link"), page.index("<script"))
