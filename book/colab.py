"""Publish the branch `notebooks`, for readers who open a single notebook: `python book/colab.py [--push REMOTE]`.

Colab opens one file and nothing beside it. The branch is a copy of the commit that is checked out, in which every
notebook begins with a cell that fetches what is missing, from the address in the environment variable ELBO_REPOSITORY.
It is one commit without a parent, made anew each time; the work tree and the index are not touched.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

from fetching import BRANCH, text_of, with_cell  # noqa: E402


def publish(address, remote=None, root=ROOT):
    """Make the branch from HEAD, and push it to `remote` if one is named. -> the commit's hash"""

    def git(*arguments, text=None, **variables):
        command, setting = ["git", "-C", str(root), *arguments], {**os.environ, **variables}
        done = subprocess.run(command, input=text, env=setting, check=True, stdout=subprocess.PIPE, encoding="utf-8")
        return done.stdout.strip()

    with tempfile.TemporaryDirectory() as scratch:
        index = {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
        git("read-tree", "HEAD", **index)
        for path in git("ls-files", "notebooks/*.ipynb", **index).splitlines():
            text = text_of(with_cell(json.loads(git("show", f"HEAD:{path}")), path, address))
            blob = git("hash-object", "-w", "--stdin", text=text)
            git("update-index", "--cacheinfo", f"100644,{blob},{path}", **index)
        tree = git("write-tree", **index)
    short, name, mail = git("log", "-1", "--format=%h%n%an%n%ae").splitlines()
    who = {f"GIT_{role}_NAME": name for role in ("AUTHOR", "COMMITTER")}
    who |= {f"GIT_{role}_EMAIL": mail for role in ("AUTHOR", "COMMITTER")}
    commit = git("commit-tree", tree, "-m", f"The notebooks of {short}, able to fetch what they need", **who)
    if remote:
        git("push", "--quiet", "--force", remote, f"{commit}:refs/heads/{BRANCH}")
    else:
        git("branch", "--force", BRANCH, commit)
    return commit


def main():
    parser = argparse.ArgumentParser(description="Publish the branch of notebooks that Colab opens.")
    parser.add_argument("--push", metavar="REMOTE", help="where to push it; without this a local branch is made")
    remote = parser.parse_args().push
    address = os.environ.get("ELBO_REPOSITORY", "").rstrip("/")
    if not address:
        sys.exit("Set ELBO_REPOSITORY to the repository's address: the notebooks fetch what they need from there.")
    print(f"Branch {BRANCH} is now {publish(address, remote)[:10]}{f', pushed to {remote}' if remote else ''}.")


if __name__ == "__main__":
    main()
