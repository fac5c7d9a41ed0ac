# PYTHON=/path/to/python3.12 chooses the Python that .venv is made of; ARGS="-k site" is passed on (here to pytest).
PYTHON ?= python3

VENV  := .venv/bin/python
SETUP := "$(PYTHON)" book/environment.py $(if $(filter file,$(origin PYTHON)),,--chosen)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help book test pdf offline site mutants trust bench lighthouse lab freeze publish clean python setup setup-test

help:  ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

book: setup  ## Run every notebook, check every equation, build the site
	@$(VENV) book/build.py

test: setup-test  ## Build the book, then run all the tests
	@$(VENV) book/build.py
	@$(VENV) -m pytest -q -n auto --dist worksteal tests $(ARGS)

pdf: setup-test  ## Print the book to one PDF (needs Chromium or Chrome)
	@$(VENV) book/build.py
	@$(VENV) book/pdf.py

offline: setup  ## Pack the site into one archive that opens without a network
	@$(VENV) book/build.py
	@$(VENV) book/offline.py

site: offline pdf  ## Put the PDF and the archive into the site, where a published one offers them
	@cp _build/the-elbo-step-by-step.pdf _build/the-elbo-step-by-step.zip _build/html/

mutants: setup-test  ## Put wrong formulas into the notebooks: each must be caught
	@$(VENV) tests/mutants.py

trust: setup-test  ## Every notebook with many seeds, every formula changed by rule (hours; goes on where it stopped)
	@$(VENV) tests/trust/seeds.py $(if $(SEEDS),--seeds $(SEEDS))
	@$(VENV) tests/trust/mutations.py

lighthouse: setup  ## Judge pages of the built book with Lighthouse (needs Node and Chromium)
	@$(VENV) book/build.py
	@$(VENV) tests/bench/lighthouse.py $(ARGS)

bench: setup-test  ## Time the book beside its peers (ARGS=--tests: its tests too; ARGS=lattice: those rows)
	@$(VENV) tests/bench/bench.py $(ARGS)

lab: setup  ## Open the notebooks in JupyterLab
	@$(VENV) -m jupyterlab --ServerApp.root_dir=. notebooks

freeze: setup-test  ## Resolve constraints.txt and hashes/ again (ARGS=--upgrade: with the newest of everything not pinned)
	@grep -v '^-c' requirements.txt | $(VENV) -m uv pip compile --quiet --universal --python-version 3.11 --no-annotate \
	  --custom-compile-command "make freeze" --extra test $(ARGS) --output-file constraints.txt - pyproject.toml
	@$(VENV) book/hashes.py

publish: setup  ## Push the branch of notebooks that Colab opens (needs ELBO_REPOSITORY)
	@$(VENV) book/colab.py --push origin

clean:  ## Delete all that was built; the environment .venv stays
	@rm -rf _build .pytest_cache .hypothesis .ruff_cache notebooks/*.egg-info
	@find book notebooks tests \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

setup: python
	@$(SETUP)

setup-test: python
	@$(SETUP) test

python:
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "There is no '$(PYTHON)' here. The book needs Python 3.11 or newer:"; \
	  echo "install one, or name it: make book PYTHON=/path/to/python3.12"; exit 1; }
