// What a value is, for showing it as that.
export type ValueKind = "picture" | "link" | "table" | "text" | "scalar" | "json" | "nothing";

const pictureEnding = /\.(png|jpe?g|gif|webp|svg)$/i;

export function isPictureUrl(value: string): boolean {
  try {
    const url = new URL(value);
    return /^https?:$/.test(url.protocol) && pictureEnding.test(url.pathname);
  } catch {
    return false;
  }
}

export function isWebUrl(value: string): boolean {
  return /^https?:\/\/\S+$/.test(value) && URL.canParse(value);
}

// A list of objects of one shape.
export function isTable(value: unknown): value is Record<string, unknown>[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((row) => typeof row === "object" && row !== null && !Array.isArray(row)) &&
    columns(value as Record<string, unknown>[]).length <= 12
  );
}

export function columns(rows: readonly Record<string, unknown>[]): string[] {
  return [...new Set(rows.slice(0, 50).flatMap((row) => Object.keys(row)))];
}

// The picture that bytes in base64 are, by their first bytes; "" for anything else.
export function pictureType(base64: string): string {
  if (base64.length < 64) return "";
  if (base64.startsWith("iVBORw0KGgo")) return "image/png";
  if (base64.startsWith("/9j/")) return "image/jpeg";
  if (base64.startsWith("R0lGOD")) return "image/gif";
  return base64.startsWith("UklGR") ? "image/webp" : "";
}

export function kindOf(value: unknown): ValueKind {
  if (value === undefined || value === null || value === "") return "nothing";
  if (typeof value === "string") {
    if (isPictureUrl(value) || pictureType(value) !== "") return "picture";
    if (isWebUrl(value)) return "link";
    return value.length > 80 || value.includes("\n") ? "text" : "scalar";
  }
  if (typeof value === "number" || typeof value === "boolean") return "scalar";
  return isTable(value) ? "table" : "json";
}
