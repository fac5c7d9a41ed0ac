/* The search page, ready to be typed into. */
"use strict";

const field = document.querySelector("form.bd-search input");
field.focus();
field.select();
