/** CertLogic 1.3.3: an expression and its data in, a value or a fault out. The twin of `pratique.policy.certlogic`.

Never throws on any JSON, never runs long, never reads anything but the data it was given. A fault is a value that names its kind and its
place in the expression; a rule that ends in a fault is neither true nor false: it is open. */

import { NotADate, plus, readBirth, readDate, UNITS, writeDate, type Unit } from "./dates.ts";
import type { Json } from "../verify/json.ts";

export const SPECIFICATION = "1.3.3";
const MAX_DEPTH = 100;
const MAX_REDUCE_NODES = 200_000; // expression nodes one outermost `reduce` may visit
const MAX_INTEGER = Number.MAX_SAFE_INTEGER;

/** A CertLogic date-time: milliseconds since 1970 in UTC. Neither truthy nor falsy. */
export class Instant {
  constructor(readonly ms: number) {}
  toString(): string {
    return writeDate(this.ms);
  }
}

/** Why there is no value. `path` is a JSON pointer into the expression, `note` a sentence for its author. */
export class Fault {
  constructor(readonly kind: string, readonly path: string, readonly note: string) {}
}

export type Value = Json | Instant | Value[] | { [key: string]: Value };

/** Inside an evaluation only: carries a fault up to `evaluate`, its path growing from the innermost place outwards. */
export class Stop extends Error {
  readonly path: (string | number)[] = [];
  constructor(readonly kind: string, readonly note: string) {
    super(kind);
  }
  fault(): Fault {
    return new Fault(this.kind, this.path.reverse().map((step) => `/${step}`).join(""), this.note);
  }
}

/** The value of `expression` on `data` (both plain JSON), or the fault that stopped it. */
export function evaluate(expression: Json, data: Value): Value | Fault {
  if (isDeeper(expression, MAX_DEPTH)) return new Fault("TOO_DEEP", "", `an expression is at most ${MAX_DEPTH} deep`);
  try {
    return new Run().value(expression, data);
  } catch (stop) {
    if (stop instanceof Stop) return stop.fault();
    throw stop;
  }
}

const isMap = (value: unknown): value is { [key: string]: Value } => typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Instant);

/** One evaluation. `explain` overrides `value` to watch it. */
export class Run {
  left: number | null = null; // what remains for the outermost reduce; null outside of one

  value(expression: Json, data: Value): Value {
    if (typeof expression === "string" || typeof expression === "boolean") return expression;
    if (typeof expression === "number" && Number.isInteger(expression)) return expression;
    if (Array.isArray(expression)) return expression.map((_, i) => this.operand(expression, i, data));
    if (!isMap(expression)) throw new Stop("INVALID_EXPRESSION", "a literal is a truth value, a whole number or a text");
    const names = Object.keys(expression);
    if (names.length !== 1) throw new Stop("INVALID_EXPRESSION", `an operation has exactly one key, this has ${names.length}`);
    const name = names[0]!;
    const operands = (expression as { [key: string]: Json })[name]!;
    try {
      if (name === "var") return readVar(operands, data);
      if (!Array.isArray(operands) || !operands.length) throw new Stop("INVALID_EXPRESSION", "an operation has a non-empty list of operands");
      const operation = OPERATIONS.get(name);
      if (!operation) throw new Stop("UNKNOWN_OPERATOR", "CertLogic has no such operator");
      return operation(this, name, operands, data);
    } catch (stop) {
      if (stop instanceof Stop) stop.path.push(name);
      throw stop;
    }
  }

  operand(operands: Json[], i: number, data: Value): Value {
    try {
      return this.value(operands[i]!, data);
    } catch (stop) {
      if (stop instanceof Stop) stop.path.push(i);
      throw stop;
    }
  }
}

/** What stands at `path` in `data`; null where nothing does. Only own keys of objects and whole-number indexes of arrays. */
export function readVar(path: Json, data: Value): Value {
  if (typeof path !== "string") throw new Stop("INVALID_EXPRESSION", "a path is a text");
  if (path === "") return data;
  for (const fragment of path.split(".")) {
    if (Array.isArray(data)) {
      if (!isIndex(fragment) || Number(fragment) >= data.length) return null;
      data = data[Number(fragment)]!;
    } else if (isMap(data)) data = Object.hasOwn(data, fragment) ? data[fragment]! : null;
    else return null;
    if (data === null) return null;
  }
  return data;
}

const isIndex = (fragment: string): boolean => /^(0|[1-9][0-9]{0,14})$/.test(fragment);

/** The truth of `value`. Stops for a date-time. */
function boolish(value: Value): boolean {
  if (value instanceof Instant) throw new Stop("NEITHER_TRUE_NOR_FALSE", "a date-time is neither truthy nor falsy");
  if (Array.isArray(value)) return value.length > 0;
  return isMap(value) ? Object.keys(value).length > 0 : Boolean(value);
}

const integer = (value: Value): number | null => (typeof value === "number" && Number.isInteger(value) ? value : null);

/** CertLogic `===`: no coercion; null is null; dates, arrays and objects are never the same. */
const same = (a: Value, b: Value): boolean => (a === null || typeof a !== "object") && a === b;

function need(operands: Json[], least: number, most: number): void {
  if (operands.length < least || (most && operands.length > most)) throw new Stop("ARITY", `wrong number of operands: ${operands.length}`);
}

type Operation = (run: Run, name: string, operands: Json[], data: Value) => Value;

const if_: Operation = (run, _, operands, data) => {
  need(operands, 3, 3);
  return run.operand(operands, boolish(run.operand(operands, 0, data)) ? 1 : 2, data);
};

const and: Operation = (run, _, operands, data) => {
  need(operands, 2, 0);
  let value: Value = true;
  for (let i = 0; i < operands.length; i++) {
    value = run.operand(operands, i, data);
    if (!boolish(value)) return value;
  }
  return value;
};

const not: Operation = (run, _, operands, data) => {
  need(operands, 1, 1);
  return !boolish(run.operand(operands, 0, data));
};

const equal: Operation = (run, _, operands, data) => {
  need(operands, 2, 2);
  const [a, b] = [run.operand(operands, 0, data), run.operand(operands, 1, data)];
  return same(a, b);
};

const in_: Operation = (run, _, operands, data) => {
  need(operands, 2, 2);
  const [member, among] = [run.operand(operands, 0, data), run.operand(operands, 1, data)];
  if (!Array.isArray(among)) throw new Stop("NOT_A_LIST", "the right side of `in` is a list");
  return among.some((one) => same(member, one));
};

const sum: Operation = (run, _, operands, data) => {
  need(operands, 2, 2);
  const [a, b] = [integer(run.operand(operands, 0, data)), integer(run.operand(operands, 1, data))];
  if (a === null || b === null) throw new Stop("NOT_AN_INTEGER", "a sum is of whole numbers");
  if (Math.abs(a + b) > MAX_INTEGER) throw new Stop("INTEGER_RANGE", "the sum is beyond what every engine can hold");
  return a + b;
};

type Holds = (a: number, b: number) => boolean;
const LT: Holds = (a, b) => a < b;
const GT: Holds = (a, b) => a > b;
const LE: Holds = (a, b) => a <= b;
const GE: Holds = (a, b) => a >= b;
const COMPARISONS: [string, Holds][] = [["<", LT], [">", GT], ["<=", LE], [">=", GE]];
export const DATE_COMPARISONS = new Map<string, Holds>([["before", LT], ["after", GT], ["not-after", LE], ["not-before", GE]]);

/** (a op b) and (b op c). */
export const inOrder = (holds: Holds, values: number[]): boolean => holds(values[0]!, values[1]!) && (values.length === 2 || holds(values[1]!, values[2]!));

const values = (run: Run, operands: Json[], data: Value): Value[] => operands.map((_, i) => run.operand(operands, i, data));

const compareIntegers = (holds: Holds): Operation => (run, _, operands, data) => {
  need(operands, 2, 3);
  return inOrder(holds, values(run, operands, data).map((value) => {
    const number = integer(value);
    if (number === null) throw new Stop("NOT_AN_INTEGER", "a comparison is of whole numbers");
    return number;
  }));
};

const compareDates = (holds: Holds): Operation => (run, _, operands, data) => {
  need(operands, 2, 3);
  return inOrder(holds, values(run, operands, data).map((value) => {
    if (!(value instanceof Instant)) throw new Stop("NOT_A_DATE", "a date comparison is of date-times; make one with plusTime");
    return value.ms;
  }));
};

const plusTime: Operation = (run, _, operands, data) => {
  need(operands, 3, 3);
  const [amount, unit] = [integer(operands[1]!), operands[2]!];
  if (amount === null) throw new Stop("INVALID_EXPRESSION", "the amount of plusTime is a literal whole number");
  if (typeof unit !== "string" || !UNITS.includes(unit)) throw new Stop("INVALID_EXPRESSION", "the unit of plusTime is year, month, day or hour");
  const text = run.operand(operands, 0, data);
  if (typeof text !== "string") throw new Stop("NOT_A_TEXT", "plusTime reads its date from a text");
  return dated(() => plus(readDate(text), amount, unit as Unit), "this text is no date CertLogic knows");
};

const dateOfBirth: Operation = (run, _, operands, data) => {
  need(operands, 1, 1);
  const text = run.operand(operands, 0, data);
  if (typeof text !== "string") throw new Stop("NOT_A_TEXT", "a date of birth is a text");
  return dated(() => readBirth(text), "a date of birth is YYYY, YYYY-MM or YYYY-MM-DD");
};

function dated(act: () => number, note: string): Instant {
  try {
    return new Instant(act());
  } catch (fault) {
    if (fault instanceof NotADate) throw new Stop(fault.kind, note);
    throw fault;
  }
}

const extract: Operation = (run, _, operands, data) => {
  need(operands, 2, 2);
  const index = integer(operands[1]!);
  if (index === null) throw new Stop("INVALID_EXPRESSION", "the index of extractFromUVCI is a literal whole number");
  const uvci = run.operand(operands, 0, data);
  if (uvci === null) return null;
  if (typeof uvci !== "string") throw new Stop("NOT_A_TEXT", "extractFromUVCI reads a text");
  return uvci.replace(/^URN:UVCI:/, "").split(/[/#:]/)[index] ?? null;
};

const reduce: Operation = (run, _, operands, data) => {
  need(operands, 3, 3);
  const items = run.operand(operands, 0, data);
  if (items !== null && !Array.isArray(items)) throw new Stop("NOT_A_LIST", "reduce goes over a list");
  let accumulator = run.operand(operands, 2, data);
  const outermost = run.left === null;
  let left = run.left ?? MAX_REDUCE_NODES;
  const cost = sizeOf(operands[1]!);
  for (const current of items ?? []) {
    left -= cost;
    if (left < 0) throw new Stop("TOO_LONG", "this reduce goes over more than an evaluation may");
    run.left = left;
    accumulator = run.operand(operands, 1, { accumulator, current });
    left = run.left;
  }
  run.left = outermost ? null : left;
  return accumulator;
};

const OPERATIONS = new Map<string, Operation>([
  ["if", if_], ["and", and], ["!", not], ["===", equal], ["in", in_], ["+", sum], ["plusTime", plusTime], ["dccDateOfBirth", dateOfBirth],
  ["extractFromUVCI", extract], ["reduce", reduce],
  ...COMPARISONS.map(([name, holds]): [string, Operation] => [name, compareIntegers(holds)]),
  ...[...DATE_COMPARISONS].map(([name, holds]): [string, Operation] => [name, compareDates(holds)]),
]);

/** True if lists and objects are nested more than `limit` deep. Walks level by level, never recurses. */
function isDeeper(expression: Json, limit: number): boolean {
  let level: Json[] = [expression];
  for (let depth = 0; depth <= limit; depth++) {
    level = level.flatMap((one) => (typeof one === "object" && one !== null ? Object.values(one) : []));
    if (!level.length) return false;
  }
  return true;
}

/** The number of nodes of an expression: every literal, list, operation. */
function sizeOf(expression: Json): number {
  let count = 0;
  const waiting = [expression];
  while (waiting.length) {
    const one = waiting.pop()!;
    count++;
    if (Array.isArray(one)) waiting.push(...one);
    else if (isMap(one)) for (const operands of Object.values(one)) if (Array.isArray(operands)) waiting.push(...(operands as Json[]));
  }
  return count;
}
