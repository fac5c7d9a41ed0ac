/* The colours before the first picture of the page: the theme's own script comes after it, and a dark screen would flash. */
"use strict";

if (document.documentElement.dataset.mode === "auto") {
  document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}
