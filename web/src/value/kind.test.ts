import { expect, test } from "vitest";

import { kindOf } from "./kind";

test("values are shown as what they are", () => {
  expect(kindOf("http://127.0.0.1:8000/bucket/cat.png?X-Amz-Signature=1")).toBe("picture");
  expect(kindOf(`iVBORw0KGgo${"A".repeat(100)}`)).toBe("picture");
  expect(kindOf("https://example.org/")).toBe("link");
  expect(kindOf("javascript:alert(1)")).toBe("scalar");
  expect(kindOf("data:text/html,x.png")).toBe("scalar");
  expect(kindOf([{ a: 1 }, { a: 2, b: 3 }])).toBe("table");
  expect(kindOf([1, 2])).toBe("json");
  expect(kindOf("two\nlines")).toBe("text");
  expect(kindOf(0)).toBe("scalar");
  expect(kindOf(null)).toBe("nothing");
});
