"""Every notebook as plain JupyterLab shows it: its Markdown rendered to the last formula, and nothing raw left over.

One server, and one browser page in which the notebooks are opened one after the other, without a kernel.
"""

import base64
import io
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from conftest import docs, executed, source

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import doors  # noqa: E402
import ledger  # noqa: E402
import run  # noqa: E402

TOKEN = "a-token-of-the-tests"
SETTINGS = {
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},  # cells out of sight are rendered too
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}
OPEN = """async (path) => {
  const kernelPreference = {shouldStart: false, canStart: false, autoStartDefault: false};
  window.shown = await jupyterapp.commands.execute("docmanager:open", {path, factory: "Notebook", kernelPreference});
  await shown.context.ready;
  await shown.revealed;
}"""
FAULTS = r"""({markdown, tags, images}) => {
  const all = (selector) => [...shown.content.node.querySelectorAll(selector)];
  const start = (text) => text.trim().slice(0, 80);
  const faults = [];
  const rendered = all(".jp-MarkdownCell.jp-mod-rendered .jp-RenderedMarkdown");
  if (rendered.length !== markdown) faults.push(`${rendered.length} of ${markdown} Markdown cells are rendered`);
  const text = document.createTreeWalker(shown.content.node, NodeFilter.SHOW_TEXT);
  while (text.nextNode()) {
    const {data, parentElement} = text.currentNode;
    if (!parentElement.closest(".jp-RenderedMarkdown") || parentElement.closest("pre, code, mjx-container")) continue;
    if (/\$|\\[A-Za-z(){}[\]]|\*\*|__|\]\(|<\/?[a-z]+|^\s*#+ |^>|could not render/m.test(data))
      faults.push(`left as text: ${start(data)}`);
  }
  for (const e of all("mjx-merror, [data-mjx-error], merror, .MathJax_Error, [mathcolor=red]"))
    faults.push(`math in error: ${start(e.closest("mjx-container")?.textContent ?? e.textContent)}`);
  const seen = all("mlabeledtr > mtd:first-child").map((e) => e.textContent.trim().slice(1, -1));
  for (const tag of tags) if (!seen.includes(tag)) faults.push(`the name (${tag}) is not shown`);
  const shownImages = all("img");
  if (shownImages.length !== images) faults.push(`${shownImages.length} of ${images} images are shown`);
  for (const e of shownImages) if (!e.complete || !e.naturalWidth) faults.push(`not loaded: ${e.src.slice(0, 80)}`);
  return [...new Set(faults)].slice(0, 12);
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab of its own on a copy of the notebooks. -> (folder that it shows, its address)"""
    home = tmp_path_factory.mktemp("lab")
    shown, overrides = home / "book", home / "config" / "labconfig" / "default_setting_overrides.json"
    built = shutil.ignore_patterns("__pycache__", "*.egg-info", ".ipynb_checkpoints")
    shutil.copytree(ROOT / "notebooks", shown / "notebooks", ignore=built)
    overrides.parent.mkdir(parents=True)
    overrides.write_text(json.dumps(SETTINGS))
    own = {"HOME": home, "IPYTHONDIR": home / "ipython", "JUPYTER_CONFIG_DIR": home / "config"}
    own |= {"JUPYTER_DATA_DIR": home / "data", "JUPYTER_RUNTIME_DIR": home / "runtime"}
    own |= {"JUPYTERLAB_SETTINGS_DIR": home / "settings", "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces"}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0"]
    command += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={shown}", "--LabApp.news_url=None"]
    command += ["--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly"]
    env = os.environ | {name: str(path) for name, path in own.items()}
    with open(home / "log", "w") as log:
        server = subprocess.Popen(command, cwd=home, env=env, stdout=log, stderr=log)
    try:
        yield shown, address_of(server, home)
    finally:
        server.terminate()
        server.wait(timeout=30)


def address_of(server, home):
    """Waits until a server answers, and reads where from the file that it writes."""
    for _ in range(600):
        assert server.poll() is None, (home / "log").read_text()
        for file in (home / "runtime").glob("jpserver-*.json"):
            try:
                address = json.loads(file.read_text())["url"]
                urllib.request.urlopen(f"{address}api?token={TOKEN}", timeout=5)
                return address
            except (ValueError, urllib.error.URLError):
                pass  # not yet
        time.sleep(0.1)
    pytest.fail(f"JupyterLab does not answer:\n{(home / 'log').read_text()}")


@pytest.fixture(scope="module")
def desk(lab, browser):
    """JupyterLab in a browser page."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{lab[1]}lab?token={TOKEN}")
    page.wait_for_function("window.jupyterapp && jupyterapp.restored.then(() => true)", timeout=60_000)
    yield page
    page.close()


def expected(notebook):
    """What JupyterLab has to show of a notebook: how many cells and images, and which names of equations."""
    texts = ledger.markdown_of(notebook)
    tags = [name for text in texts for name, _ in ledger.equations_in(text)[0]]
    return {"markdown": len(texts), "tags": tags, "images": len(figures_of(notebook))}


def figures_of(notebook):
    """The figures among the outputs of a notebook, in base64."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
    return [output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})]


def faults_of(desk, path, wanted, patience=10):
    """Opens a notebook in JupyterLab and waits until nothing is wrong with it. -> what still is after some seconds"""
    desk.evaluate(OPEN, path)
    end, faults = time.monotonic() + patience, ["not looked at"]
    while faults and time.monotonic() < end:
        faults = desk.evaluate(FAULTS, wanted)
        desk.wait_for_timeout(200)
    return faults


@pytest.mark.parametrize("doc", docs())
def test_a_notebook_in_jupyterlab(doc, desk):
    faults = faults_of(desk, f"{doc}.ipynb", expected(source(doc)))
    desk.evaluate("shown.dispose()")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("Half a formula: $$ x = \\tfrac12", "left as text: Half a formula: $$"),
        ("$$ x = \\frac{1} $$", "math in error: "),
        ("$$ \\unheardof = 1 $$", "math in error: "),
        ("$$ a = b \\tag{never} $$\n\n$$ c = d $$", ""),
        ("Bold ** is not**, [a link] (x.ipynb)", "left as text: Bold ** is not**"),
        ("Text\n<details><summary>Hint</summary>\n**bold**</details>", "left as text: **bold**"),
        ("![a picture](nowhere.png)", "1 of 0 images are shown"),
    ],
)
def test_what_is_wrong_is_seen(wrong, said, desk, lab):
    cell = {"cell_type": "markdown", "id": "wrong", "metadata": {}, "source": wrong}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (lab[0] / "wrong.ipynb").write_text(json.dumps(notebook))
    faults = faults_of(desk, "wrong.ipynb", {"markdown": 1, "tags": ["never"], "images": 0}, patience=1)
    desk.evaluate("shown.dispose()")
    assert any(said in fault for fault in faults) if said else faults == []


def test_an_executed_notebook_in_jupyterlab(desk, lab):
    """The file that the site offers with its outputs: each check a line of text, each figure dark on white."""
    from PIL import Image

    notebook = doors.to_read(executed("notebooks/01_kl"))
    assert "elbo" not in notebook["metadata"] and doors.RECORDS not in json.dumps(notebook)
    run.write(lab[0] / "executed.ipynb", json.dumps(notebook))
    wanted = expected(notebook)
    faults = faults_of(desk, "executed.ipynb", wanted)
    outputs = "[...shown.content.node.querySelectorAll('.jp-OutputArea-output pre')]"
    lines = desk.evaluate(f"{outputs}.map((e) => e.textContent)")
    desk.evaluate("shown.dispose()")
    assert not faults, "\n".join(faults)
    records = [record["name"] for *_, record in ledger.outputs_of(executed("notebooks/01_kl"), ledger.CHECK)]
    assert [line.split(")")[0][3:] for line in lines if line.startswith("✓ (")] == records
    for png in figures_of(notebook):
        figure = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA")
        assert figure.getpixel((0, 0)) == (255, 255, 255, 255)
