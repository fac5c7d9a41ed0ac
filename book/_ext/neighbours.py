"""What stands at the foot of a page: the chapters before and after it, each with the question it answers.

In the table of contents a chapter's solutions follow it. Who reads on wants the next chapter, so the solutions are
offered apart; from them one goes back to the chapter's exercises, or on to the next chapter.
"""
from docutils import nodes

import ledger

EXERCISES = "exercises"  # the anchor of that section, in every chapter that has solutions
PREVIOUS, NEXT = 1, 2  # places in Sphinx's relations of a page: (parent, previous, next)


def note_question(app, doctree):
    """Remembers the question a page answers: the line under its title, if all of it is emphasised."""
    section = doctree.next_node(nodes.section)
    line = section.children[1] if section and len(section) > 1 else None
    if isinstance(line, nodes.paragraph) and len(line) == 1 and isinstance(line[0], nodes.emphasis):
        app.env.metadata[app.env.docname]["question"] = line.astext()


def beside(relations, doc, side):
    """The nearest page on that side that is no solutions page, or None."""
    doc = relations[doc][side]
    while doc and ledger.is_solutions(doc):
        doc = relations[doc][side]
    return doc


def link_neighbours(app, pagename, templatename, context, doctree):
    """Gives the template `prev`, `next` and `solutions`: dicts of what it shows of each."""
    relations = getattr(app.builder, "relations", {})
    if pagename not in relations:  # the search page
        return

    def to(doc, says, anchor=""):
        return doc and {
            "link": app.builder.get_relative_uri(pagename, doc) + anchor,
            "title": app.env.titles[doc].astext(),
            "question": app.env.metadata[doc].get("question", ""),
            "says": says,
        }

    before, after = (beside(relations, pagename, side) for side in (PREVIOUS, NEXT))
    is_solutions = ledger.is_solutions(pagename)
    context["prev"] = to(before, "back to the exercises", f"#{EXERCISES}") if is_solutions else to(before, "previous")
    context["next"] = to(after, "next")
    below = next(filter(ledger.is_solutions, app.env.toctree_includes.get(pagename, ())), None)
    context["solutions"] = to(below, "")


def setup(app):
    app.connect("doctree-read", note_question)
    app.connect("html-page-context", link_neighbours, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
