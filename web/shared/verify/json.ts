/** JSON from strangers: every key once, no NaN, bounded nesting. The twin of `strict_json`: throws RangeError for all else.

`JSON.parse` lets the last of two equal keys win, which two readers need not agree on. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const MAX_DEPTH = 900;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES: Record<string, string> = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const bad = (why: string): never => { throw new RangeError(why); };

/** `isWhole` hears of every number whether it is written as a whole one. */
export function strictJson(raw: Uint8Array | string, isWhole: (holder: object, key: string, whole: boolean) => void = () => undefined): Json {
  let text: string;
  try {
    text = typeof raw === "string" ? raw : UTF8.decode(raw);
  } catch {
    return bad("not UTF-8");
  }
  let at = 0;
  let whole = true;

  const blank = (): void => {
    for (let c = text.charCodeAt(at); c === 32 || c === 10 || c === 13 || c === 9; c = text.charCodeAt(++at));
  };
  const word = <T>(name: string, value: T): T => {
    if (!text.startsWith(name, at)) bad("not JSON");
    at += name.length;
    return value;
  };

  function string(): string {
    at++;
    let out = "";
    for (;;) {
      PLAIN.lastIndex = at;
      out += PLAIN.exec(text)![0];
      at = PLAIN.lastIndex;
      const c = text[at++];
      if (c === '"') return out;
      if (c !== "\\") bad("a text that does not end");
      const escape = text[at++] ?? "";
      if (escape === "u") {
        const hex = text.slice(at, at + 4);
        if (!/^[0-9a-fA-F]{4}$/.test(hex)) bad("a bad escape");
        out += String.fromCharCode(parseInt(hex, 16));
        at += 4;
      } else out += ESCAPES[escape] ?? bad("a bad escape");
    }
  }

  function number(): number {
    NUMBER.lastIndex = at;
    const found = NUMBER.exec(text) ?? bad("not JSON");
    at += found[0].length;
    whole = found[1] === undefined && found[2] === undefined;
    return Number(found[0]);
  }

  function list(depth: number): Json[] {
    const out: Json[] = [];
    at++;
    blank();
    if (text[at] === "]") return at++, out;
    for (;;) {
      out.push(value(depth + 1));
      blank();
      const c = text[at++];
      if (c === "]") return out;
      if (c !== ",") bad("a list that does not end");
    }
  }

  function object(depth: number): { [key: string]: Json } {
    const out: { [key: string]: Json } = {};
    at++;
    blank();
    if (text[at] === "}") return at++, out;
    for (;;) {
      blank();
      if (text[at] !== '"') bad("a key is a text");
      const key = string();
      blank();
      if (text[at++] !== ":") bad("a key without a value");
      if (Object.hasOwn(out, key)) bad("the same key stands twice in one object");
      whole = true;
      const member = value(depth + 1);
      if (typeof member === "number") isWhole(out, key, whole);
      Object.defineProperty(out, key, { value: member, enumerable: true, configurable: true, writable: true });
      blank();
      const c = text[at++];
      if (c === "}") return out;
      if (c !== ",") bad("an object that does not end");
    }
  }

  function value(depth: number): Json {
    if (depth > MAX_DEPTH) bad("nested too deeply");
    blank();
    switch (text[at]) {
      case "{": return object(depth);
      case "[": return list(depth);
      case '"': return string();
      case "t": return word("true", true);
      case "f": return word("false", false);
      case "n": return word("null", null);
      default: return number();
    }
  }

  const found = value(0);
  blank();
  if (at !== text.length) bad("something stands after the value");
  return found;
}

export const isObject = (value: unknown): value is { [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A member of the object's own: a name such as `constructor` is not one. */
export const member = (value: Json | undefined, key: string): Json | undefined =>
  isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
