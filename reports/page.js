// What a page can do beyond being read: sort and filter the table of trials, tell what a mark is, and follow one trial
// through all figures. Without script the table stands as it was written, and marks tell what they are as titles.
"use strict";
const words = document.querySelector("main").dataset;
const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};

// --- the table of trials: sorted by its headings, searched by a field above it
const key = (row, column) => {
  const cell = row.cells[column];
  const order = Number.parseFloat(cell.dataset.order);
  return Number.isNaN(order) ? { missing: "order" in cell.dataset, text: cell.textContent } : { order };
};
const compare = (one, other) =>
  "order" in one && "order" in other ? one.order - other.order : (one.text ?? "").localeCompare(other.text ?? "");
const sortBy = (body, column, sign) => {
  const rows = [...body.rows].map((row) => ({ row, key: key(row, column) }));
  rows.sort((one, other) => {
    const unscored = Number(one.key.missing ?? false) - Number(other.key.missing ?? false);
    return unscored || sign * compare(one.key, other.key);
  });
  body.append(...rows.map((each) => each.row));
};
const filtered = (table) => {
  const rows = [...table.tBodies[0].rows].map((row) => ({ row, text: row.textContent.toLowerCase() }));
  const field = make("input", { type: "search", autocomplete: "off", spellcheck: false });
  const told = make("output", { className: "told" });
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const each of rows) each.row.hidden = !wanted.every((word) => each.text.includes(word));
    const shown = rows.filter((each) => !each.row.hidden).length;
    told.textContent = wanted.length ? words.shown.replace("{n}", shown).replace("{total}", rows.length) : "";
  });
  table.parentElement.before(make("p", { className: "filter" }, make("label", {}, words.filter, " ", field), " ", told));
};
for (const table of document.querySelectorAll("table[data-sortable]")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = make("button", { type: "button" }, ...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const sign = head.ariaSort === "ascending" ? -1 : 1;
      heads.forEach((each) => (each.ariaSort = null));
      head.ariaSort = sign > 0 ? "ascending" : "descending";
      sortBy(table.tBodies[0], column, sign);
    });
  });
  filtered(table);
}

// --- one trial, followed through all figures and its row
const rowOf = new Map([...document.querySelectorAll("tr[data-row]")].map((row) => [row.dataset.row, row]));
const textOf = (trial) => {
  const cells = rowOf.get(trial)?.cells;
  return cells ? `${words.trial} ${trial}: ${[...cells].slice(1, 4).map((cell) => cell.textContent).join(" · ")}` : "";
};
const followed = make("span");
const close = make("button", { type: "button", ariaLabel: words.close, textContent: "×" });
const bar = make("div", { className: "followed", hidden: true, role: "status" }, followed, close);
document.body.append(bar);
let chosen = null;
const follow = (trial) => {
  chosen = trial === chosen ? null : trial;
  for (const mark of document.querySelectorAll(".on")) mark.classList.remove("on");
  for (const [number, row] of rowOf) row.querySelector("button")?.setAttribute("aria-pressed", number === chosen);
  document.body.classList.toggle("following", chosen !== null);
  bar.hidden = chosen === null;
  if (chosen === null) return;
  for (const mark of document.querySelectorAll(`svg [data-trial="${chosen}"]`)) mark.classList.add("on");
  rowOf.get(chosen)?.classList.add("on");
  followed.textContent = textOf(chosen);
};
close.addEventListener("click", () => follow(chosen));
for (const [trial, row] of rowOf) {
  const button = make("button", { type: "button", title: words.follow, ariaPressed: "false" });
  button.append(...row.cells[0].childNodes);
  row.cells[0].append(button);
  button.addEventListener("click", () => follow(trial));
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && chosen !== null) follow(chosen);
});

// --- what a mark is, beside the pointer
const tip = make("div", { className: "tip", hidden: true });
document.body.append(tip);
for (const title of document.querySelectorAll("svg title")) {
  title.parentElement.dataset.tip = title.textContent; // shown at once, and not twice
  title.remove();
}
document.addEventListener("pointerover", (event) => {
  const mark = event.target.closest?.("svg [data-trial], svg [data-tip]");
  tip.hidden = !mark;
  if (mark) tip.textContent = mark.dataset.tip ?? textOf(mark.dataset.trial);
});
document.addEventListener("pointermove", (event) => {
  if (tip.hidden) return;
  tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${event.clientY + 18 + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 10 : event.clientY + 18}px`;
});
document.addEventListener("click", (event) => {
  const mark = event.target.closest?.("svg [data-trial]");
  if (mark) follow(mark.dataset.trial);
});
