/** A certificate of others against the snapshot's rules. The twin of `pratique.gate.rules` and `judge_foreign`. */

import { evaluate } from "./certlogic.ts";
import type { Pair } from "./model.ts";
import { applicable, isSupported, type Rule, type RuleSet } from "./ruleset.ts";
import { isObject, member, type Json } from "../verify/json.ts";
import type { Outcome as Verified } from "../verify/model.ts";

const CLEAR: Pair = ["clear", "paper"]; // bound to no device, like paper: staff may ask for a document
const HOLD: Pair = ["hold", "policy"];
const OPEN: Pair = ["see_staff", "stale"]; // rules that are newer than this gate, or that cannot judge this

const NOT_DETECTED = "260415000"; // SNOMED CT, as in the EU value set of test results
const TYPES = [["v", "Vaccination"], ["t", "Test"], ["r", "Recovery"]] as const;

/** What the foreign rules in force say of a verified certificate. All true: clear; one false: hold; else open. `now` in seconds. */
export function byRules(found: Verified, now: number, rules: RuleSet | null): Pair {
  const foreign = rules?.rules.filter((rule) => rule.house === null) ?? [];
  const payload = found.format === "HC1" ? member(found.claims["hcert"] as Json, "1") : undefined;
  if (!rules || !foreign.length) return isPositive(payload) ? OPEN : CLEAR;
  const kind = TYPES.find(([field]) => isTruthy(member(payload, field)))?.[1];
  if (!kind) return OPEN;
  const issuer = String(found.claims["iss"] ?? "");
  const asked = applicable(foreign, now * 1000, rules.country, issuer, kind);
  const external: { [key: string]: Json } = {
    validationClock: rfc3339(now)!, valueSets: rules.valueSets, countryCode: rules.country, issuerCountryCode: issuer,
    exp: rfc3339(found.claims["exp"]), iat: rfc3339(found.claims["iat"]), kid: String(found.claims["kid"] ?? ""), region: "",
  };
  const values = judgeForeign(payload!, asked, external);
  if (values.includes(false)) return HOLD;
  return values.includes(null) ? OPEN : CLEAR;
}

/** Foreign rules on a certificate: true, false, or null for open. */
export const judgeForeign = (payload: Json, rules: Rule[], external: { [key: string]: Json }): (boolean | null)[] =>
  rules.map((rule) => {
    const value = isSupported(rule) ? evaluate(rule.logic, { payload, external }) : null;
    return typeof value === "boolean" ? value : null;
  });

/** True for a test that does not say "not detected": without a rule it is not for the gate to wave it through. */
function isPositive(payload: Json | undefined): boolean {
  const tests = member(payload, "t");
  return Array.isArray(tests) && tests.some((one) => !isObject(one) || member(one, "tr") !== NOT_DETECTED);
}

const isTruthy = (value: Json | undefined): boolean => (Array.isArray(value) ? value.length > 0 : isObject(value) ? Object.keys(value).length > 0 : Boolean(value));

const [FIRST, LAST] = [-62_135_596_800, 253_402_300_799]; // the years 1 to 9999

/** RFC 3339 in UTC with whole seconds, cut and not rounded. */
export function rfc3339(seconds: unknown): string | null {
  if (typeof seconds !== "number" || seconds < FIRST || seconds > LAST) return null;
  return `${new Date(Math.floor(seconds) * 1000).toISOString().slice(0, 19)}Z`;
}
