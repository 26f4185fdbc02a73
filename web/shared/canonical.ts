/** RFC 8785 bytes of plain JSON data without floats: what a device signs has exactly one form. */

import { utf8, type Bytes } from "./bytes.ts";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export const canonicalJson = (value: Json): Bytes => utf8(write(value));

function write(value: Json): string {
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new TypeError("signed documents carry no floats");
  if (typeof value === "string") encodeURIComponent(value); // a lone surrogate has no UTF-8 form: this throws URIError
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
  const keys = Object.keys(value).sort((a, b) => (a < b ? -1 : 1));
  return `{${keys.map((k) => `${JSON.stringify(k)}:${write(value[k]!)}`).join(",")}}`;
}
