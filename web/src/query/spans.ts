// The server counts bytes of UTF-8, the browser UTF-16 units.

const encoder = new TextEncoder();

export interface Piece {
  text: string;
  begin: number; // bytes
  end: number;
}

// Cuts the text wherever one of the spans begins or ends. Spans that lie outside the text, or inside
// a character, are moved to the next boundary, so that no answer of a server can break a page.
export function pieces(text: string, spans: readonly (readonly [number, number])[]): Piece[] {
  const cuts = new Set(spans.flat());
  const result: Piece[] = [];
  let piece: Piece = { text: "", begin: 0, end: 0 };
  let due = false;
  let at = 0;
  for (const character of text) {
    due ||= cuts.has(at);
    if (due && piece.text !== "") {
      result.push(piece);
      piece = { text: "", begin: at, end: at };
    }
    due = false;
    const next = at + encoder.encode(character).length;
    for (let inside = at + 1; inside < next; inside += 1) due ||= cuts.has(inside);
    at = next;
    piece.text += character;
    piece.end = at;
  }
  if (piece.text !== "") result.push(piece);
  return result;
}

export function overlaps(piece: Piece, spans: readonly (readonly [number, number])[]): boolean {
  return spans.some(([begin, end]) => begin < piece.end && piece.begin < end);
}
