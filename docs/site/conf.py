# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sphinx's configuration of the site: `make docs` (docs/decisions/0051-a-site.md).

The documents are read where they lie, so the root of the repository is the root of the site.
"""

project = "roomdet"
html_title = "Room detector"
root_doc = "docs/site/index"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/**.md",
    "weights/MODEL_CARD.md",
]
exclude_patterns = [".*", "build", "**/node_modules"]

extensions = ["myst_parser", "sphinxcontrib.openapi"]
myst_heading_anchors = 4  # as the repository's pages have them
highlight_language = "none"
openapi_default_renderer = "httpdomain"

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_extra_path = ["root"]  # an index.html that leads to the first page
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
