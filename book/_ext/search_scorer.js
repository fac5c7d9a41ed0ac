/* How the site's search weighs what it finds: with Sphinx's own numbers. The search looks up an equation's name in the
   index (equations.py puts it there), where a whole name scores 100 and so stands above all words of pages; but it would
   call the hit by its page's title alone, so this names the equation. */
var Scorer = {
  score: (hit) => {
    const [, title, anchor, , score] = hit;
    if (anchor.startsWith("#eq-")) hit[1] = `(${anchor.slice("#eq-".length)}) — ${title}`;
    return score;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
