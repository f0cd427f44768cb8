// What a page can do beyond being read: tell where one is, open what is folded, sort and filter the table of trials, tell
// what a mark is, save a figure or a table, and follow one trial through all figures. Without script the table stands as it was written, and marks
// tell what they are as titles.
"use strict";
const words = document.querySelector("main").dataset;
const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};

// --- the contents: open where there is room, and following
const contents = document.querySelector("nav details");
const isWide = matchMedia("(min-width: 40.01rem)");
const unfold = () => (contents.open = isWide.matches);
isWide.addEventListener("change", unfold);
unfold();
const links = new Map([...contents.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
for (const link of links.values()) link.addEventListener("click", () => unfold());
const passed = new Map();
const watch = new IntersectionObserver(
  (seen) => {
    for (const each of seen) passed.set(each.target.id, each.isIntersecting);
    const here = [...links.keys()].find((id) => passed.get(id));
    for (const [id, link] of links) id === here ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
  },
  { rootMargin: "-15% 0px -60% 0px" },
);
for (const section of document.querySelectorAll("section[id]")) watch.observe(section);

// --- what is folded: all of it at once, and all of it on paper
const folds = [...document.querySelectorAll("details.fold")];
const foldAll = (open) => folds.forEach((each) => (each.open = open));
if (folds.length) {
  const button = make("button", { type: "button", className: "open-all", textContent: words.open });
  let isOpen = false;
  button.addEventListener("click", () => {
    foldAll((isOpen = !isOpen));
    button.textContent = isOpen ? words.fold : words.open;
  });
  contents.querySelector("ol").append(make("li", {}, button));
  let before = [];
  addEventListener("beforeprint", () => {
    before = folds.map((each) => each.open);
    foldAll(true);
  });
  addEventListener("afterprint", () => folds.forEach((each, place) => (each.open = before[place])));
}

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

// --- a figure or a table as a file of its own
const save = (name, type, text) => {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
};
const named = (element, ending) => {
  const section = element.closest("section"), alike = [...section.querySelectorAll(element.tagName)];
  return `${section.id}-${alike.indexOf(element) + 1}.${ending}`;
};
const drawn = (svg) => {
  const copy = svg.cloneNode(true), style = getComputedStyle(document.documentElement);
  const colours = [...new Set(copy.outerHTML.match(/var\((--[\w-]+)/g) ?? [])].map((each) => each.slice(4));
  for (const colour of colours) copy.style.setProperty(colour, style.getPropertyValue(colour));
  copy.style.setProperty("font-family", getComputedStyle(svg).fontFamily);
  copy.style.setProperty("background", style.getPropertyValue("--paper"));
  return new XMLSerializer().serializeToString(copy);
};
const listed = (table) => {
  const quoted = (cell) => `"${cell.textContent.trim().replaceAll('"', '""')}"`;
  return "\ufeff" + [...table.rows].map((row) => [...row.cells].map(quoted).join(",")).join("\r\n") + "\r\n";
};
const saver = (text, action) => {
  const button = make("button", { type: "button", className: "save", textContent: text });
  button.addEventListener("click", action);
  return button;
};
for (const figure of document.querySelectorAll("main figure")) {
  const shown = () => [...figure.querySelectorAll("svg")].find((svg) => svg.getClientRects().length) ?? figure.querySelector("svg");
  const button = saver(words.svg, () => save(named(figure, "svg"), "image/svg+xml", drawn(shown())));
  figure.querySelector("figcaption").append(" ", button);
}
for (const table of document.querySelectorAll("main .scroll > table")) {
  table.parentElement.after(saver(words.csv, () => save(named(table, "csv"), "text/csv;charset=utf-8", listed(table))));
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
