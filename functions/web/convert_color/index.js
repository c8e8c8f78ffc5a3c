// Colours in hexadecimal, RGB and HSL spelling. CommonJS, in the callback style of older Lambdas.
"use strict";

const NAMED = {
  black: "#000000", white: "#ffffff", gray: "#808080", red: "#ff0000", orange: "#ffa500",
  yellow: "#ffff00", lime: "#00ff00", teal: "#008080", blue: "#0000ff", purple: "#800080",
};

// Red, green and blue, 0 to 255 each.
function read(color) {
  const text = NAMED[color.trim().toLowerCase()] ?? color.trim().toLowerCase();
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/.exec(text);
  if (short) return short.slice(1).map((digit) => parseInt(digit + digit, 16));
  const long = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/.exec(text);
  if (long) return long.slice(1).map((digits) => parseInt(digits, 16));
  const rgb = /^rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)$/.exec(text);
  if (rgb && rgb.slice(1).every((part) => Number(part) < 256)) return rgb.slice(1).map(Number);
  const known = "write #ffa500, rgb(255, 165, 0) or orange";
  throw new RangeError(`${JSON.stringify(color)} is no colour; ${known}`);
}

function hsl([red, green, blue]) {
  const [r, g, b] = [red / 255, green / 255, blue / 255];
  const most = Math.max(r, g, b);
  const range = most - Math.min(r, g, b);
  const lightness = most - range / 2;
  const saturation = range === 0 ? 0 : range / (1 - Math.abs(2 * lightness - 1));
  let sixth = 0;
  if (range > 0) {
    if (most === r) sixth = ((g - b) / range + 6) % 6;
    else if (most === g) sixth = (b - r) / range + 2;
    else sixth = (r - g) / range + 4;
  }
  const percent = (share) => `${Math.round(share * 100)}%`;
  return `hsl(${Math.round(sixth * 60)}, ${percent(saturation)}, ${percent(lightness)})`;
}

const WRITERS = {
  hex: (parts) => `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`,
  rgb: (parts) => `rgb(${parts.join(", ")})`,
  hsl,
};

exports.handler = (event, context, callback) => {
  try {
    const write = WRITERS[event.color_format];
    if (!write) throw new RangeError(`unknown colour format ${event.color_format}`);
    callback(null, { converted_color: write(read(event.color)) });
  } catch (error) {
    callback(error);
  }
};
