// A CSV text (RFC 4180) as an HTML table; the first line names the columns.

const MOST_CELLS = 100_000;

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escape = (text) => text.replace(/[&<>"]/g, (c) => ENTITIES[c]);

// A cell, quoted or not, and what ends it.
const CELL = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;

function rowsOf(csv) {
  const text = csv.replace(/^\uFEFF/, "").replace(/\r?\n$/, "");
  const rows = [[]];
  let cells = 0;
  CELL.lastIndex = 0;
  for (;;) {
    const place = CELL.lastIndex;
    const found = CELL.exec(text);
    if (found === null) {
      throw new SyntaxError(`a stray quotation mark follows character ${place} of the table`);
    }
    if (++cells > MOST_CELLS) throw new RangeError(`more than ${MOST_CELLS} cells are too many`);
    rows.at(-1).push(found[1]?.replaceAll('""', '"') ?? found[2]);
    if (found[3] === "") return rows;
    if (found[3] !== ",") rows.push([]);
  }
}

export const handler = async (event) => {
  const [head, ...body] = rowsOf(event.csv_text);
  const uneven = body.findIndex((row) => row.length !== head.length);
  if (uneven >= 0) {
    const count = body[uneven].length;
    throw new SyntaxError(`row ${uneven + 2} has ${count} cells, the first line ${head.length}`);
  }
  const row = (cells, tag) =>
    `<tr>${cells.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join("")}</tr>`;
  const lines = body.map((cells) => row(cells, "td")).join("");
  return {
    html_table: `<table><thead>${row(head, "th")}</thead><tbody>${lines}</tbody></table>`,
    row_count: body.length,
  };
};
