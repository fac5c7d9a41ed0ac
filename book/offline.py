"""Packs the built site into one archive that opens without a network: `make offline`, or `python book/offline.py`.

Its pages lie in one folder, and index.html opens in any browser. The same site makes the same archive, byte for byte.
"""

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
ARCHIVE = ROOT / "_build" / "the-elbo-step-by-step.zip"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that an archive can hold


class OfflineError(Exception):
    """The site cannot be packed; the message says why, and what to do."""


def packed(site, archive):
    """Packs a folder into an archive, put in its place as a whole or not at all. Raises OfflineError."""
    if not (site / "index.html").is_file():
        raise OfflineError(f"there is no site in {site}: build it with `make book`")
    new = archive.with_name(f".{archive.name}.new")
    try:
        with zipfile.ZipFile(new, "w") as zipped:
            for file in sorted(path for path in site.rglob("*") if path.is_file()):
                entry = zipfile.ZipInfo(f"{archive.stem}/{file.relative_to(site).as_posix()}", EPOCH)
                entry.create_system, entry.external_attr = 3, 0o100644 << 16  # a plain file, on whatever system
                zipped.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, 9)
        new.replace(archive)
    finally:
        new.unlink(missing_ok=True)


def main():
    """The command line. -> exit status"""
    try:
        packed(SITE, ARCHIVE)
    except (OfflineError, OSError) as error:
        kept = "; the one that was there is still there" if ARCHIVE.is_file() else ""
        print(f"\n✗ {error}\n\nthe archive was not written{kept}", file=sys.stderr)
        return 1
    print(f"\n  {ARCHIVE.as_uri()} ({ARCHIVE.stat().st_size / 1e6:.1f} MB)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
