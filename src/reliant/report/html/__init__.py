"""HTML pages: one file each, no script, nothing fetched, for the screen and for paper.

`base` makes a page from a template; `svg` draws; `figures` joins a drawing with its
table; `bars`, `flow` and `descent` are the drawings. A page of another result is one
more module beside `assessment`, and its template extends `base.html.j2`.
"""
