// Sorts a table by the column whose heading is pressed. Without script the table stands as it was written, best first.
"use strict";
for (const table of document.querySelectorAll("table[data-sortable]")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const key = (row, column) => {
    const cell = row.cells[column];
    const order = Number.parseFloat(cell.dataset.order);
    return Number.isNaN(order) ? { missing: "order" in cell.dataset, text: cell.textContent } : { order };
  };
  const compare = (one, other) =>
    "order" in one && "order" in other
      ? one.order - other.order
      : (one.missing ?? false) - (other.missing ?? false) || (one.text ?? "").localeCompare(other.text ?? "");
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const sign = head.ariaSort === "ascending" ? -1 : 1;
      const rows = [...body.rows].map((row) => ({ row, key: key(row, column) }));
      rows.sort((one, other) => {
        const unscored = Number(one.key.missing ?? false) - Number(other.key.missing ?? false);
        return unscored || sign * compare(one.key, other.key);
      });
      heads.forEach((each) => (each.ariaSort = null));
      head.ariaSort = sign > 0 ? "ascending" : "descending";
      body.append(...rows.map((each) => each.row));
    });
  });
}
