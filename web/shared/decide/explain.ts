/** When a rule turns by time alone, from the rule itself. The twin of `pratique.policy.explain`.

The watched evaluation is the interpreter of `certlogic.ts` itself, so that the explanation cannot differ from the decision. */

import { DATE_COMPARISONS, Fault, inOrder, Instant, Run, Stop, type Value } from "./certlogic.ts";
import { DAY, FURTHEST, NotADate, plus, type Unit } from "./dates.ts";
import type { Json } from "../verify/json.ts";

export const CLOCK = "external.validationClock";

/** One evaluated part of a rule: `name` is its operator ("" for literals and lists), `operands` those that were evaluated, in order. */
export class Node {
  readonly name: string;
  readonly operands: Node[] = [];
  value: Value | undefined;

  constructor(readonly expression: Json) {
    const names = typeof expression === "object" && expression !== null && !Array.isArray(expression) ? Object.keys(expression) : [];
    this.name = names.length === 1 ? names[0]! : "";
  }

  /** The operands as they are written. */
  get written(): Json[] {
    const found = this.name ? (this.expression as { [name: string]: Json })[this.name]! : [];
    return Array.isArray(found) ? found : [found];
  }

  *walk(): Generator<Node> {
    yield this;
    for (const operand of this.operands) yield* operand.walk();
  }
}

class Watched extends Run {
  top = new Node([]);

  override value(expression: Json, data: Value): Value {
    const [above, node] = [this.top, new Node(expression)];
    above.operands.push(node);
    this.top = node;
    try {
      return (node.value = super.value(expression, data));
    } finally {
      this.top = above;
    }
  }
}

/** The value of a checked rule (its depth is bounded) and how it came about. */
export function watch(expression: Json, data: Value): { value: Value | Fault; node: Node } {
  const run = new Watched();
  let value: Value | Fault;
  try {
    value = run.value(expression, data);
  } catch (stop) {
    if (!(stop instanceof Stop)) throw stop;
    value = stop.fault();
  }
  return { value, node: run.top.operands[0]! };
}

/** The earliest moment after `now` at which a comparison on the evaluated path turns by time alone; null if none does. `now` in milliseconds,
as the rule's clock showed it. */
export function flipsAfter(node: Node, now: number): number | null {
  let soonest: number | null = null;
  for (const one of node.walk()) {
    if (!DATE_COMPARISONS.has(one.name) || !one.operands.every((operand) => operand.value instanceof Instant)) continue;
    const turn = turnOf(one, now);
    if (turn !== null && (soonest === null || turn < soonest)) soonest = turn;
  }
  return soonest;
}

type Form = { amount: number; unit: Unit };
const msOf = (node: Node): number => (node.value as Instant).ms;

function turnOf(node: Node, now: number): number | null {
  const holds = DATE_COMPARISONS.get(node.name)!;
  const forms = node.operands.map(clockForm);
  const moving = forms.filter((form) => form !== null);
  if (!moving.length) return null;
  const fixed = node.operands.filter((_, i) => forms[i] === null).map(msOf);
  const at = (ms: number): boolean | null => {
    try {
      return inOrder(holds, node.operands.map((operand, i) => (forms[i] ? plus(ms, forms[i].amount, forms[i].unit) : msOf(operand))));
    } catch (fault) {
      if (fault instanceof NotADate) return null;
      throw fault;
    }
  };
  const holdsNow = at(now);
  const candidates = moving.flatMap((form) => fixed.flatMap((value) => [...crossings(form, value)])).filter((candidate) => candidate > now);
  // Two clocks against each other move only with the calendar.
  if (moving.length > 1) for (let i = 1; i < 63; i++) candidates.push(now - (now - Math.floor(now / DAY) * DAY) + DAY * i);
  return candidates.sort((a, b) => a - b).find((candidate) => at(candidate) !== holdsNow) ?? null;
}

/** Amount and unit if this operand is the clock plus that; null if it does not move. */
function clockForm(node: Node): Form | null {
  if (node.name !== "plusTime") return null;
  const [of, amount, unit] = node.written as [Json, number, Unit];
  const moves = typeof of === "object" && of !== null && !Array.isArray(of) && Object.keys(of).length === 1 && of["var"] === CLOCK;
  return moves ? { amount, unit } : null;
}

/** Every moment at which `clock + form` can pass `value`, by a millisecond or by a day of the calendar. */
function* crossings({ amount, unit }: Form, value: number): Generator<number> {
  let about: number;
  try {
    about = plus(value, -amount, unit);
  } catch (fault) {
    if (fault instanceof NotADate) return;
    throw fault;
  }
  yield about;
  yield about + 1;
  if (unit !== "month" && unit !== "year") return; // these roll over: look at each day around
  for (let day = Math.floor(about / DAY) - 4; day <= Math.floor(about / DAY) + 4; day++) {
    const start = day * DAY;
    if (Math.abs(start) > FURTHEST) continue;
    yield start;
    const crossing = start + value - plus(start, amount, unit);
    if (start <= crossing && crossing < start + DAY) {
      yield crossing;
      yield crossing + 1;
    }
  }
}
