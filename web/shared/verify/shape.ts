/** Signed CBOR as plain objects of known fields: an unknown field and a wrong type are refused, a missing one takes its default. */

import type { Bytes } from "../bytes.ts";
import { Frozen, type Value } from "./cbor.ts";
import { badTrust } from "./refused.ts";

type Read<T> = (value: Value | undefined, otherwise: string) => T;
/** A reader alone is needed; a pair has a default. */
export type Fields = { [name: string]: Read<unknown> | [Read<unknown>, unknown] };

const only = <T>(test: (value: Value | undefined) => value is T & Value): Read<T> => (value, otherwise) => {
  if (!test(value)) throw badTrust(otherwise);
  return value as T;
};

export const readers = {
  /** Beyond 2^53 there are only times that stand for "never". */
  whole: ((value, otherwise) => {
    if (typeof value !== "number" && typeof value !== "bigint") throw badTrust(otherwise);
    return Number(value);
  }) as Read<number>,
  text: only<string>((value): value is string => typeof value === "string"),
  bytes: only<Bytes>((value): value is Bytes => value instanceof Uint8Array),
  flag: only<boolean>((value): value is boolean => typeof value === "boolean"),
  oneOf: (...words: string[]): Read<string> => only<string>((value): value is string => typeof value === "string" && words.includes(value)),
  orNull: <T>(read: Read<T>): Read<T | null> => (value, otherwise) => (value === null ? null : read(value, otherwise)),
  list: <T>(read: Read<T>): Read<T[]> => (value, otherwise) => {
    if (!Array.isArray(value)) throw badTrust(otherwise);
    return value.map((item) => read(item, otherwise));
  },
  dictionary: <T>(read: Read<T>): Read<{ [key: string]: T }> => (value, otherwise) => {
    const out: { [key: string]: T } = {};
    for (const [key, item] of mapOf(value, otherwise)) {
      Object.defineProperty(out, readers.text(key, otherwise), { value: read(item, otherwise), enumerable: true, configurable: true, writable: true });
    }
    return out;
  },
};

export const struct = (fields: Fields): Read<{ [name: string]: unknown }> => (value, otherwise) => {
  const found = mapOf(value, otherwise);
  for (const name of found.keys()) if (typeof name !== "string" || !Object.hasOwn(fields, name)) throw badTrust(otherwise);
  const out: { [name: string]: unknown } = {};
  for (const [name, field] of Object.entries(fields)) {
    const [read, missing] = Array.isArray(field) ? field : [field, undefined];
    if (found.has(name)) out[name] = read(found.get(name), otherwise);
    else if (missing === undefined) throw badTrust(otherwise);
    else out[name] = missing;
  }
  return out;
};

function mapOf(value: Value | undefined, otherwise: string): Map<Value, Value> {
  if (!(value instanceof Map) || value instanceof Frozen) throw badTrust(otherwise);
  return value;
}
