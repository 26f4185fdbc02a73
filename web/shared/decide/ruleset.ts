/** Rule documents as a signed policy carries them, and which of their rules apply. The twin of `pratique.policy.ruleset`.

Whether a rule may be published was checked before it was signed; what cannot be read here makes the whole policy unreadable. */

import { isObject, member, type Json } from "../verify/json.ts";
import type { Text } from "../verify/snapshot.ts";
import { SPECIFICATION } from "./certlogic.ts";
import { readDate } from "./dates.ts";

const SCHEMA_SUPPORTED = "1.3.3"; // the newest DCC schema our evidence reader knows
const MAX_RULES = 500;
const TIME = /^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9](:[0-5][0-9]){2}([-+][0-2][0-9]:[0-5][0-9]|Z)$/;
const NUMBERS = /^[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}$/;
const FORM: { [field: string]: RegExp } = {
  Identifier: /^(GR|VR|TR|RR|IR)-[A-Z]{2}-[0-9]{4}$/, Type: /^(Acceptance|Invalidation)$/, Country: /^[A-Z]{2}$/, Region: /^[A-Z0-9]{0,5}$/,
  Version: NUMBERS, SchemaVersion: NUMBERS, Engine: /^/, EngineVersion: NUMBERS, CertificateType: /^(General|Test|Vaccination|Recovery)$/,
  ValidFrom: TIME, ValidTo: TIME,
};
const FIELDS = ["country", "rules", "valueSets", "tests", "from", "to", "note"];
const HOUSE = ["on_false", "reason", "remedy", "zone", "grain", "scope", "monotone", "analyte", "note", "texts"];

/** Times in milliseconds since 1970. */
export type HouseRule = {
  on_false: "conditions" | "hold"; reason: string; remedy: string; zone: string; grain: "instant" | "day"; scope: "item" | "subject";
  analyte: string; texts: { reason: Text; remedy: Text; change: Text };
};
export type Rule = {
  id: string; version: string; type: "Acceptance" | "Invalidation"; country: string; certificateType: string;
  schemaVersion: string; engine: string; engineVersion: string; validFrom: number; validTo: number; logic: Json; house: HouseRule | null;
};
export type RuleSet = { rules: Rule[]; valueSets: { [id: string]: Json }; country: string; number: number; from: number; to: number };

const BEGINNING = 0;
const END = 253_402_214_400_000; // 9999-12-31

const bad = (field: string): RangeError => new RangeError(`${field}: missing or not of the form the rule schema asks`);

/** A rule set from plain JSON data. Throws RangeError, naming the field. */
export function ruleSetOf(document: Json, number = 0): RuleSet {
  if (!isObject(document)) throw bad("");
  for (const name of Object.keys(document)) if (!FIELDS.includes(name) && !name.startsWith("_")) throw bad(name);
  const [rules, valueSets, tests] = [member(document, "rules"), member(document, "valueSets") ?? {}, member(document, "tests") ?? []];
  if (!Array.isArray(rules) || rules.length > MAX_RULES) throw bad("rules");
  if (!isObject(valueSets)) throw bad("valueSets");
  if (!Array.isArray(tests)) throw bad("tests");
  const [from, to] = [member(document, "from"), member(document, "to")];
  return {
    rules: rules.map((entry, i) => readRule(entry, `rules.${i}`)), valueSets, country: String(member(document, "country") ?? ""), number,
    from: from === undefined ? BEGINNING : time(from, "from"), to: to === undefined ? END : time(to, "to"),
  };
}

export function readRule(entry: Json, field: string): Rule {
  const paired = isObject(entry) && Object.hasOwn(entry, "rule");
  if (paired) for (const name of Object.keys(entry)) if (name !== "rule" && name !== "house") throw bad(`${field}.${name}`);
  const document = paired ? entry["rule"]! : entry;
  const house = paired && Object.hasOwn(entry, "house") ? readHouse(entry["house"]!, `${field}.house`) : null;
  if (!isObject(document)) throw bad(field);
  const text = (name: string): string => {
    const value = member(document, name) ?? (name === "Region" ? "" : undefined);
    if (typeof value !== "string" || !FORM[name]!.test(value)) throw bad(`${field}.${name}`);
    return value;
  };
  for (const name of Object.keys(FORM)) text(name);
  const [affected, logic] = [member(document, "AffectedFields"), member(document, "Logic")];
  if (!Array.isArray(affected) || !affected.length || !affected.every((one) => typeof one === "string")) throw bad(`${field}.AffectedFields`);
  if (!isObject(logic) || !Object.keys(logic).length) throw bad(`${field}.Logic`);
  checkDescriptions(member(document, "Description"), `${field}.Description`);
  return {
    id: text("Identifier"), version: text("Version"), type: text("Type") as Rule["type"], country: text("Country"), certificateType: text("CertificateType"),
    schemaVersion: text("SchemaVersion"), engine: text("Engine"), engineVersion: text("EngineVersion"),
    validFrom: time(member(document, "ValidFrom"), `${field}.ValidFrom`), validTo: time(member(document, "ValidTo"), `${field}.ValidTo`), logic, house,
  };
}

function readHouse(entry: Json, field: string): HouseRule {
  if (!isObject(entry)) throw bad(field);
  for (const name of Object.keys(entry)) if (!HOUSE.includes(name)) throw bad(`${field}.${name}`);
  const text = (name: string, missing?: string): string => {
    const value = member(entry, name) ?? missing;
    if (typeof value !== "string") throw bad(`${field}.${name}`);
    return value;
  };
  const one = <T extends string>(name: string, words: readonly T[], missing?: T): T => {
    const value = text(name, missing);
    if (!(words as readonly string[]).includes(value)) throw bad(`${field}.${name}`);
    return value as T;
  };
  const texts = member(entry, "texts");
  const both = (name: string): Text => {
    const value = member(texts, name);
    const [en, zh] = [member(value, "en"), member(value, "zh-Hans")];
    if (typeof en !== "string" || typeof zh !== "string") throw bad(`${field}.texts.${name}`);
    return { en, "zh-Hans": zh };
  };
  const monotone = member(entry, "monotone") ?? true;
  if (typeof monotone !== "boolean") throw bad(`${field}.monotone`);
  return {
    on_false: one("on_false", ["conditions", "hold"]), reason: text("reason"), remedy: text("remedy"), zone: text("zone"),
    grain: one("grain", ["instant", "day"], "instant"), scope: one("scope", ["item", "subject"], "subject"), analyte: text("analyte", ""),
    texts: { reason: both("reason"), remedy: both("remedy"), change: both("change") },
  };
}

function checkDescriptions(found: Json | undefined, field: string): void {
  const fine = (one: Json): boolean => {
    const [lang, desc] = [member(one, "lang"), member(one, "desc")];
    return typeof lang === "string" && /^[a-z]{2}(-[a-z]{2})?$/.test(lang) && typeof desc === "string" && [...desc].length >= 20;
  };
  if (!Array.isArray(found) || !found.every(fine) || !found.some((one) => member(one, "lang") === "en")) throw bad(field);
}

function time(value: Json | undefined, field: string): number {
  if (typeof value !== "string" || !TIME.test(value)) throw bad(field);
  try {
    return readDate(value);
  } catch {
    throw bad(field);
  }
}

/** -1, 0 or 1: versions compare number by number. */
export function compareVersions(one: string, other: string): number {
  const [a, b] = [one.split(".").map(Number), other.split(".").map(Number)];
  for (let i = 0; i < 3; i++) if (a[i] !== b[i]) return a[i]! < b[i]! ? -1 : 1;
  return 0;
}

/** False for a rule of another or a newer engine, or of a newer schema: its result is open. */
export const isSupported = (rule: Rule): boolean =>
  rule.engine === "CERTLOGIC" && compareVersions(rule.engineVersion, SPECIFICATION) <= 0 && compareVersions(rule.schemaVersion, SCHEMA_SUPPORTED) <= 0;

/** The rules with ValidFrom ≤ clock < ValidTo, of each identifier the newest version only, in their order. */
export function inForce(rules: Iterable<Rule>, clock: number): Rule[] {
  const newest = new Map<string, Rule>();
  for (const rule of rules) {
    if (!(rule.validFrom <= clock && clock < rule.validTo)) continue;
    const held = newest.get(rule.id);
    if (!held || compareVersions(rule.version, held.version) > 0) newest.set(rule.id, rule);
  }
  return [...newest.values()];
}

/** Acceptance rules of the country of arrival, invalidation rules of the issuer's, each general or of the certificate's type. */
export const applicable = (rules: Rule[], clock: number, arrival: string, issuer: string, certificateType: string): Rule[] =>
  inForce(rules, clock).filter(
    (rule) => rule.country === (rule.type === "Acceptance" ? arrival : issuer) && (rule.certificateType === "General" || rule.certificateType === certificateType),
  );
