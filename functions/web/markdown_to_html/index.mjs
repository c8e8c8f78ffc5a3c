// Markdown's everyday part as HTML: headings, paragraphs, lists, quotes, code, emphasis, links.

const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;
const ITEM = /^\s*(?:([-*+])|\d{1,9}[.)])\s+(.*)$/;
const RULE = /^\s*([-*_])(?:\s*\1){2,}\s*$/;
const FENCE = /^```/;
const SAFE_LINK = /^(?:https?:\/\/|mailto:|[#/.]|[^:]*$)/i;

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escape = (text) => text.replace(/[&<>"]/g, (c) => ENTITIES[c]);

// Code spans and links are set aside first, so that nothing inside them is taken for emphasis.
function inline(text) {
  const kept = [];
  const keep = (html) => `\u0000${kept.push(html) - 1}\u0000`;
  return escape(text.replaceAll("\u0000", ""))
    .replace(/`([^`]+)`/g, (_, code) => keep(`<code>${code}</code>`))
    .replace(/\[([^\]]+)\]\(([^()\s]+)\)/g, (whole, words, link) =>
      SAFE_LINK.test(link) ? `${keep(`<a href="${link}">`)}${words}${keep("</a>")}` : words)
    .replace(/\*\*(\S(?:.*?\S)?)\*\*/g, "<strong>$1</strong>")
    .replace(/\*(\S(?:.*?\S)?)\*/g, "<em>$1</em>")
    .replace(/\u0000(\d+)\u0000/g, (_, number) => kept[Number(number)]);
}

// Takes lines from the front while they satisfy `belongs`.
function takeWhile(lines, belongs) {
  const end = lines.findIndex((line) => !belongs(line));
  return lines.splice(0, end < 0 ? lines.length : end);
}

function fencedCode(lines) {
  lines.shift();
  const code = takeWhile(lines, (line) => !FENCE.test(line));
  lines.shift();
  return `<pre><code>${escape(code.join("\n"))}</code></pre>`;
}

function list(lines) {
  const tag = ITEM.exec(lines[0])[1] ? "ul" : "ol";
  const items = takeWhile(lines, (line) => {
    const item = ITEM.exec(line);
    return item !== null && Boolean(item[1]) === (tag === "ul");
  });
  const html = items.map((line) => `<li>${inline(ITEM.exec(line)[2])}</li>`);
  return `<${tag}>${html.join("")}</${tag}>`;
}

function quote(lines) {
  const inner = takeWhile(lines, (line) => line.startsWith(">"));
  const html = blocks(inner.map((line) => line.replace(/^> ?/, "")));
  return `<blockquote>${html.join("\n")}</blockquote>`;
}

const opensBlock = (line) =>
  line.trim() === "" ||
  line.startsWith(">") ||
  [HEADING, ITEM, RULE, FENCE].some((pattern) => pattern.test(line));

function blocks(lines) {
  const html = [];
  while (lines.length > 0) {
    const line = lines[0];
    const heading = HEADING.exec(line);
    if (line.trim() === "") {
      lines.shift();
    } else if (heading) {
      lines.shift();
      html.push(`<h${heading[1].length}>${inline(heading[2])}</h${heading[1].length}>`);
    } else if (FENCE.test(line)) {
      html.push(fencedCode(lines));
    } else if (RULE.test(line)) {
      lines.shift();
      html.push("<hr>");
    } else if (ITEM.test(line)) {
      html.push(list(lines));
    } else if (line.startsWith(">")) {
      html.push(quote(lines));
    } else {
      html.push(`<p>${inline(takeWhile(lines, (next) => !opensBlock(next)).join("\n"))}</p>`);
    }
  }
  return html;
}

export const handler = async (event) => {
  if (typeof event.markdown !== "string") throw new TypeError("markdown has to be a text");
  return { html: blocks(event.markdown.split(/\r?\n/)).join("\n") };
};
