"""Pages without what stands around their text: menus, scripts, forms, footers."""

from __future__ import annotations

import re
from typing import Any

from curation.readers.decode import encoding_of

_FURNITURE = (
    "title",
    "script",
    "style",
    "noscript",
    "template",
    "nav",
    "footer",
    "aside",
    "form",
    "iframe",
    "svg",
    "button",
    "select",
)
_NAMES = frozenset(("nav", "navbar", "navigation", "menu", "sidebar", "breadcrumb", "breadcrumbs", "footer", "site-header",
                    "skip-link", "cookie-banner", "cookie-consent", "share-buttons", "social-share"))  # fmt: skip
_MOST = 0.5  # of a page's letters; what holds more is no furniture, whatever it is called
_ROLES = ["navigation", "banner", "contentinfo", "search", "complementary"]
_WIDE = r"[\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]"
_WRAPPED = re.compile(f"(?<={_WIDE})[ \t]*[\r\n]+[ \t]*(?={_WIDE})")
_DECLARED = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]{1,40})""", re.IGNORECASE)


def without_furniture(raw: bytes) -> bytes:
    """The page's main part as UTF-8: `main`, or the one `article`, or the body. Line breaks between Chinese characters
    of one paragraph are no blanks, and go."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(decoded(raw), "html.parser")
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    _clear(soup)
    part = _main_part(soup)
    for text in list(part.find_all(string=True)):
        if text.find_parent("pre") is None and (joined := _WRAPPED.sub("", str(text))) != text:
            text.replace_with(joined)
    page = BeautifulSoup("<html><head><title></title></head><body></body></html>", "html.parser")
    page.title.string = title  # type: ignore[union-attr]
    page.body.append(part.extract())  # type: ignore[union-attr]
    return page.encode("utf-8")


def _clear(soup: Any) -> None:
    """Take away what is no text of the page, wherever it is."""
    for element in soup.find_all(_FURNITURE):
        element.decompose()
    for element in soup.find_all(role=_ROLES):
        element.decompose()
    whole = len(soup.get_text())
    for element in soup.find_all(_is_named):
        if not element.decomposed and len(element.get_text()) < _MOST * whole:
            element.decompose()


def _main_part(soup: Any) -> Any:
    articles = soup.find_all("article")
    part = soup.find("main") or soup.find(role="main") or (articles[0] if len(articles) == 1 else None)
    if part is None or not part.get_text(strip=True):
        part = soup.body or soup
        for element in part.find_all("header", recursive=False):
            element.decompose()
    return part


def _is_named(element: Any) -> bool:
    """Whether its id or one of its classes is a name that menus and the like have."""
    names = [element.get("id"), *(element.get("class") or ())]
    return any(isinstance(name, str) and name.lower() in _NAMES for name in names)


def decoded(raw: bytes) -> str:
    """The page's text in the encoding that it declares, or the one that it seems to be in."""
    found = _DECLARED.search(raw[:4096])
    guessed = encoding_of(raw[: 1 << 20])
    if found and guessed == "utf-8":
        name = found[1].decode("ascii").lower()
        try:
            return raw.decode({"gb2312": "gb18030", "gbk": "gb18030"}.get(name, name))
        except (LookupError, UnicodeDecodeError, ValueError):
            pass
    return raw.decode(guessed, "replace")
