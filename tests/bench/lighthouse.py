"""Judges built pages as Google's Lighthouse does: `make lighthouse`, or `python tests/bench/lighthouse.py [PAGE …]`.

Serves _build/html as GitHub Pages would (compressed, cached for ten minutes), opens each page cold in a desktop's
window and in a slow phone's, and prints a row for each. Exit status 1 if a page misses a floor: it says which. The
numbers depend on the machine and on what else it does, so this is no part of `make test`.
"""
import argparse
import functools
import gzip
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book"))

import pdf  # noqa: E402

SITE = ROOT / "_build" / "html"
LIGHTHOUSE = "lighthouse@12.8.2"  # the last line that runs on Node 20
PAGES = ("notebooks/02_log_z.html", "notebooks/A_claims.html", "book/index.html")  # a chapter, the longest, the front
PRESETS = ("desktop", "mobile")
CHROME = "--headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
MEGABYTE = 1e6
FLOORS = {  # column: (what it must be, in words; the judgement). The phone's speed is shown, not judged.
    "accessibility": ("100", lambda x: x == 100),
    "best-practices": ("100", lambda x: x == 100),
    "seo": ("100", lambda x: x == 100),
    "performance": ("at least 90 on a desktop", lambda x: x >= 90),
    "shift": ("under 0.05", lambda x: x < 0.05),
    "MB": ("under 1.5", lambda x: x < 1.5),
}
COLUMNS = (*FLOORS, "paint s", "largest s", "blocked ms")
COMPRESSED = (".html", ".css", ".js", ".json", ".svg", ".ipynb")


class LikeGitHubPages(http.server.SimpleHTTPRequestHandler):
    """Files compressed as they would be there, with the same time to live."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        file = Path(self.translate_path(self.path))
        if file.is_dir():
            file /= "index.html"
        if not file.is_file():
            return self.send_error(404)
        body = packed(file) if file.suffix in COMPRESSED else file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(file))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=600")
        if file.suffix in COMPRESSED:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@functools.cache
def packed(file):
    return gzip.compress(file.read_bytes(), 6)


def report(npx, chromium, url, preset):
    """Lighthouse's report on one page, from its JSON. {column: number}; SystemExit where it made none"""
    command = [npx, "--yes", LIGHTHOUSE, url, "--quiet", "--output=json", f"--chrome-flags={CHROME}"]
    command += ["--preset=desktop"] if preset == "desktop" else []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "report.json")
        done = subprocess.run([*command, f"--output-path={out}"], env=os.environ | {"CHROME_PATH": chromium},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode or not out.is_file():
            sys.exit(f"✗ Lighthouse did not judge {url}:\n{done.stdout}")
        found = json.loads(out.read_text(encoding="utf-8"))
    keep = os.environ.get("ELBO_LIGHTHOUSE")  # a folder for the full reports
    if keep:
        Path(keep, f"{preset}-{Path(url).stem}.json").write_text(json.dumps(found), encoding="utf-8")
    audit = {name: found["audits"][name].get("numericValue", 0) for name in found["audits"]}
    scores = {name: round(100 * (category["score"] or 0)) for name, category in found["categories"].items()}
    return scores | {
        "shift": round(audit["cumulative-layout-shift"], 3),
        "MB": round(audit["total-byte-weight"] / MEGABYTE, 2),
        "paint s": round(audit["first-contentful-paint"] / 1000, 1),
        "largest s": round(audit["largest-contentful-paint"] / 1000, 1),
        "blocked ms": round(audit["total-blocking-time"]),
    }


def missed(page, preset, row):
    """The floors that a page misses, in words."""
    judged = {name: floor for name, floor in FLOORS.items() if (name, preset) != ("performance", "mobile")}
    return [f"{page}, {preset}: {name} is {row[name]}, and should be {should}"
            for name, (should, holds) in judged.items() if not holds(row[name])]


def line(page, preset, row):
    """A line of the table; without a row, its head."""
    cells = (f"{row[name] if row else name:>{max(len(name), 6)}}" for name in COLUMNS)
    return f"{page:28} {preset:8} " + " ".join(cells)


def needed(what, found):
    """The path of a program that was looked for; exits and says so where there is none."""
    return found or sys.exit(f"✗ `make lighthouse` needs {what}")


def main():
    parser = argparse.ArgumentParser(description="Judge pages of the built site with Lighthouse.")
    parser.add_argument("pages", nargs="*", default=PAGES, help="addresses within the site")
    pages = parser.parse_args().pages
    npx = needed("Node 20 or newer with its npx: install Node from nodejs.org", shutil.which("npx"))
    chromium = needed("Chromium or Chrome; CHROMIUM=/path/to/it names one", pdf.browser())
    absent = [page for page in pages if not (SITE / page).is_file()]
    if absent:
        sys.exit(f"✗ not in the built site: {', '.join(absent)}. Build it first: make book")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(LikeGitHubPages, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    faults = []
    print(line("page", "preset", None))
    for page in pages:
        for preset in PRESETS:
            row = report(npx, chromium, f"http://127.0.0.1:{server.server_port}/{page}", preset)
            faults += missed(page, preset, row)
            print(line(page, preset, row), flush=True)
    print(*(f"✗ {fault}" for fault in faults) if faults else ["✓ every floor holds"], sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
