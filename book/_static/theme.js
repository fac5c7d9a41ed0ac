/* The colours the reader chose, or else the system's, before the first picture of the page: the theme's own script comes
   after it, and a dark screen would flash. */
"use strict";

{
  const { dataset } = document.documentElement;   // its theme is yet the book's own setting: auto
  dataset.mode = localStorage.getItem("mode") || dataset.theme;
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  dataset.theme = dataset.mode === "auto" ? system : dataset.mode;
}
