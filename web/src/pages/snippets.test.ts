import { expect, test } from "vitest";

import { snippets } from "./snippets";

test("quotes, words of Python and line ends survive", () => {
  const [curl, python, javascript] = snippets("http://127.0.0.1:8000/api/x", {
    name: "O'Hara",
    ok: true,
    none: null,
    text: "true",
  });
  expect(curl!.code).toContain(`'{"name":"O'\\''Hara","ok":true,"none":null,"text":"true"}'`);
  expect(python!.code).toContain(`{"name": "O'Hara", "ok": True, "none": None, "text": "true"}`);
  expect(javascript!.code).toContain(`"name": "O'Hara"`);
});
