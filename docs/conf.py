"""The site: the Markdown files where they lie, and docstrings of public names. Its source is the repository's root."""

import mcpump

project = "mcpump"
author = "the mcpump authors"
release = mcpump.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/*.md", "docs/tutorials/*.ipynb", "slurm/README.md"]
exclude_patterns = [".venv", "build", "tests"]

# the notebooks hold what they gave; a test executes them
nb_execution_mode = "off"

# headings are the targets of links, as on a forge
myst_heading_anchors = 3

# a bare `name` in a docstring is code
default_role = "code"
highlight_language = "none"
numpydoc_show_class_members = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"

html_theme = "furo"
html_title = "mcpump"


def setup(app):
    """Let |S| in a docstring be a size, not a substitution of reStructuredText."""

    def escape(app, what, name, obj, options, lines):
        lines[:] = [line if line.startswith("    ") else line.replace("|", r"\|") for line in lines]

    app.connect("autodoc-process-docstring", escape, priority=900)
