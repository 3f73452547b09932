"use strict";
/* What the page knows, as JSON. */
const data = JSON.parse(document.getElementById("data").textContent);

/* An element with a class and a text, which is never read as HTML. */
function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

/* The classes of an entry's colour and dashes, as `entry_style` gives them; none on a page without colours. */
const styleOf = (index) => (index === undefined ? "" : `c${index % 8} d${Math.floor(index / 8) % 3}`);

/* An entry's name after its colour, which may be broken after the punctuation of its options. */
function named(tag, className, name) {
  const element = make(tag, className);
  const style = styleOf(data.colors?.[name]);
  if (style) element.append(make("i", `swatch ${style}`));
  for (const piece of name.split(/(?<=[,:=+])/)) element.append(piece, make("wbr"));
  return element;
}

function option(value, text) {
  const element = make("option", "", text);
  element.value = value;
  return element;
}

const sum = (values) => values.reduce((total, value) => total + value, 0);
const visible = (text) => text.replaceAll("\n", "⏎\n");
const quoted = (text) => `“${text.replaceAll("\n", "⏎").replaceAll(" ", "␣")}”`;
const percent = (share) => (share < 0.001 ? "below 0.1 %" : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`);

/* Why tokens were expected: the bits of each model that an entry is made of, and what was found again. */
function reasonsFor(reading, read, tokens) {
  if (!read.reasons) return [];
  const bits = reading.models.map((name, model) =>
    `${name} ${sum(tokens.map((token) => read.reasons.bits[token][model])).toFixed(2)}`);
  const together = sum(tokens.map((token) => read.bits[token])).toFixed(2);
  const found = read.reasons.recalled[tokens[0]].map((each) =>
    `${each.by} found ${each.num_chars === 1 ? "1 character" : `${each.num_chars} characters`}: ` +
    `${quoted(each.context)}, then ${quoted(each.following)}`);
  return [`Bits by each model: ${bits.join(", ")}, together ${together}`, ...found];
}

/* Light, dark, or what the system prefers. The choice is kept where the browser allows it. */
(() => {
  const button = document.getElementById("theme");
  const themes = ["system", "light", "dark"];
  const show = (theme) => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
  };
  let kept = null;
  try { kept = localStorage.getItem("textgen-theme"); } catch { /* a page on disk may have no storage */ }
  let theme = themes.includes(kept) ? kept : "system";
  button.hidden = false;
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    try { localStorage.setItem("textgen-theme", theme); } catch { /* as above */ }
    show(theme);
  });
  show(theme);
})();

/* The data of the page as a file. */
for (const button of document.querySelectorAll("[data-download]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const key = button.dataset.download;
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(data[key], null, 2)], { type: "application/json" }));
    link.download = `${key}.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
}
