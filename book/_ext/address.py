"""The site's public address, and what only a site that knows its own can have.

ELBO_REPOSITORY=https://github.com/owner/name says where the book's source is; GitHub Pages serves its site at
https://owner.github.io/name/. ELBO_SITE names another address. Where neither is set, nothing of the following is made:
in each page its canonical address, and the picture and words that a link to it shows elsewhere; and
beside the pages sitemap.xml, robots.txt, and 404.html, which GitHub serves for every address that is not there.
"""

import html
import os
import re
from pathlib import Path
from urllib.parse import quote, urlsplit

import card
import head
import look
from run import BuildError, write

CARD = "social-card.png"
HOME = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
{policy}<meta http-equiv="Refresh" content="0; url={page}" />
<link rel="icon" href="data:," />
<title>{title}</title>
{tags}</head>
<body><p><a href="{page}">{title}</a></p></body>
</html>
"""


def repository(environment):
    """The repository's address, https://github.com/owner/name, or "" if it is not known. Raises BuildError."""
    text = environment.get("ELBO_REPOSITORY", "").strip()
    address = re.sub(r"(\.git)?/?$", "", text)
    if text and not re.fullmatch(r"https://github\.com/[A-Za-z0-9-]+/[\w.-]+", address, re.ASCII):
        raise BuildError(f"✗ ELBO_REPOSITORY is {text!r}: it must look like https://github.com/owner/name, or be unset")
    return address


def site(environment):
    """The site's address, which ends in a slash, or "" if it is not known. Raises BuildError."""
    text, source = environment.get("ELBO_SITE", "").strip(), repository(environment)
    if text and not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:\d+)?(/[\w.~-]+)*/?", text, re.ASCII):
        raise BuildError(f"✗ ELBO_SITE is {text!r}: it must look like https://example.org/elbo, or be unset")
    if text or not source:
        return text and text.rstrip("/") + "/"
    owner, name = source.split("/")[-2:]
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def tags(address, url, title, about, book):
    """The tags by which a link to a page is shown elsewhere. -> HTML, a line each"""
    properties = {
        "og:type": "website" if title == book else "article",
        "og:site_name": book,
        "og:title": title,
        "og:description": about,
        "og:url": url,
        "og:image": address + CARD,
        "og:image:width": card.WIDTH,
        "og:image:height": card.HEIGHT,
        "og:image:alt": card.ALT,
    }
    found = [("property", *item) for item in properties.items()]
    found.append(("name", "twitter:card", "summary_large_image"))
    found = [(kind, name, html.escape(str(text))) for kind, name, text in found if text]
    return "".join(f'<meta {kind}="{name}" content="{text}" />\n' for kind, name, text in found)


def url_of(app, doc):
    """The public address of a page."""
    return app.config.elbo_site + quote(app.builder.get_target_uri(doc))


def page_tags(app, doc, doctree):
    """The tags of a page of the book."""
    title = app.env.titles[doc].astext()
    return tags(app.config.elbo_site, url_of(app, doc), title, head.description(doctree), app.config.html_title)


def describe(app, pagename, templatename, context, doctree):
    """Gives a page's template its canonical address and its tags; 404.html a base for all its links."""
    if not app.config.elbo_site:
        return
    if pagename == "404":  # it stands in for pages at any depth
        base = html.escape(urlsplit(app.config.elbo_site).path)
        context["metatags"] = f'<base href="{base}" />\n' + context.get("metatags", "")
    elif doctree is not None:
        context["pageurl"] = url_of(app, pagename)
        context["metatags"] = context.get("metatags", "") + page_tags(app, pagename, doctree)


def home(app):
    """The site's index.html, which leads to the book's first page, and is shown elsewhere as that."""
    root = app.config.root_doc
    doctree = app.env.get_doctree(root)
    shown = f'<meta name="description" content="{html.escape(head.description(doctree))}" />\n'
    if app.config.elbo_site:
        shown += f'<link rel="canonical" href="{url_of(app, root)}" />\n' + page_tags(app, root, doctree)
    return HOME.format(
        policy=look.policy(),
        page=app.builder.get_target_uri(root),
        title=html.escape(app.config.html_title),
        tags=shown,
    )


def finish(app, exception):
    """Writes what stands beside the pages."""
    if exception is not None or app.builder.format != "html":
        return
    folder, address = Path(app.outdir), app.config.elbo_site
    if app.config.root_doc != "index":
        write(folder / "index.html", home(app))
    if address:
        opening = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        places = "\n".join(f"<url><loc>{url_of(app, doc)}</loc></url>" for doc in sorted(app.env.found_docs))
        write(folder / "sitemap.xml", f"{opening}\n{places}\n</urlset>\n")
        write(folder / "robots.txt", f"User-agent: *\nAllow: /\nSitemap: {address}sitemap.xml\n")
        card.draw(folder / CARD)


def settle(app, config):
    """Judges the addresses before anything is made with them."""
    from sphinx.errors import ConfigError

    try:
        config.elbo_repository = repository({"ELBO_REPOSITORY": config.elbo_repository})
        config.elbo_site = site({"ELBO_REPOSITORY": config.elbo_repository, "ELBO_SITE": config.elbo_site})
    except BuildError as error:
        raise ConfigError(str(error)) from None
    if config.elbo_site:
        config.html_additional_pages = {**config.html_additional_pages, "404": "404.html"}


def setup(app):
    app.add_config_value("elbo_repository", lambda config: os.environ.get("ELBO_REPOSITORY", ""), "html", types=[str])
    app.add_config_value("elbo_site", lambda config: os.environ.get("ELBO_SITE", ""), "html", types=[str])
    app.connect("config-inited", settle)
    app.connect("html-page-context", describe, priority=950)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
