import { expect, test } from "vitest";

import { overlaps, pieces } from "./spans";

const texts = (text: string, spans: [number, number][]) => pieces(text, spans).map((p) => p.text);

test("a text without spans stays whole", () => {
  expect(texts("play music", [])).toEqual(["play music"]);
  expect(texts("", [[0, 1]])).toEqual([]);
});

test("spans cut the text where they begin and end", () => {
  expect(texts("play music now", [[5, 10]])).toEqual(["play ", "music", " now"]);
  expect(texts("play", [[0, 4]])).toEqual(["play"]);
});

test("bytes are counted, not letters", () => {
  // "für" is four bytes.
  expect(texts("für Ännchen", [[5, 13]])).toEqual(["für ", "Ännchen"]);
  expect(texts("🎵 song", [[5, 9]])).toEqual(["🎵 ", "song"]);
});

test("spans outside the text or inside a character break nothing", () => {
  expect(texts("für", [[2, 99]]).join("")).toBe("für");
  expect(texts("🎵🎵", [[1, 2]]).join("")).toBe("🎵🎵");
});

test("a piece knows which spans touch it", () => {
  const [play, music] = pieces("play music", [[5, 10]]);
  expect(overlaps(play!, [[5, 10]])).toBe(false);
  expect(overlaps(music!, [[5, 10]])).toBe(true);
});
