// A title as the last part of a web address.

// Letters that Unicode does not take apart into a base letter and an accent.
const LETTERS = { ß: "ss", æ: "ae", ø: "o", œ: "oe", ð: "d", þ: "th", ł: "l", đ: "d" };
const LONGEST = 80;

export const handler = async ({ title }) => {
  const words = title
    .toLowerCase()
    .replace(/[ßæøœðþłđ]/g, (letter) => LETTERS[letter])
    .normalize("NFKD")
    .replace(/\p{Mark}/gu, "")
    .split(/[^a-z0-9]+/)
    .filter(Boolean);
  if (words.length === 0) {
    throw new RangeError(`nothing of the title ${JSON.stringify(title)} can stand in a slug`);
  }
  let slug = words.shift().slice(0, LONGEST);
  for (const word of words) {
    if (slug.length + 1 + word.length > LONGEST) break; // whole words only
    slug += `-${word}`;
  }
  return { slug };
};
