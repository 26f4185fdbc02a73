/** The few rules of FHIR R4 that evidence stands on. The twin of `pratique.credentials.fhir`: each fault as a path and what is missing. */

import { isObject, member, type Json } from "./json.ts";

type Resource = { [key: string]: Json };

export function bundleFaults(bundle: Json | undefined): string[] {
  if (!isObject(bundle) || member(bundle, "resourceType") !== "Bundle") return ["fhirBundle: not a Bundle"];
  const faults = member(bundle, "type") === "collection" ? [] : ["fhirBundle.type: not collection"];
  const entries = member(bundle, "entry");
  if (!Array.isArray(entries) || !entries.length) return [...faults, "fhirBundle.entry: missing"];
  entries.forEach((entry, number) => {
    const where = `fhirBundle.entry[${number}].resource`;
    const resource = member(entry, "resource");
    if (!isObject(resource)) return void faults.push(`${where}: missing`);
    const kind = member(resource, "resourceType");
    if (typeof kind !== "string" || !kind) return void faults.push(`${where}.resourceType: missing`);
    for (const fault of RULES[kind as keyof typeof RULES]?.(resource) ?? []) faults.push(`${where}.${fault}`);
  });
  return faults;
}

const RULES = {
  __proto__: null,
  Immunization: (resource: Resource): string[] => [
    ...coded(resource, "vaccineCode"), ...text(resource, "status"), ...reference(resource, "patient"),
    ...(["occurrenceDateTime", "occurrenceString"].some((name) => typeof member(resource, name) === "string") ? [] : ["occurrenceDateTime: missing"]),
  ],
  Observation: (resource: Resource): string[] => [...coded(resource, "code"), ...text(resource, "status")],
  Patient: (resource: Resource): string[] => {
    const names = member(resource, "name");
    return Array.isArray(names) && names.length ? [] : ["name: missing"];
  },
} as unknown as { [kind: string]: (resource: Resource) => string[] };

function text(resource: Resource, name: string): string[] {
  const found = member(resource, name);
  return typeof found === "string" && found ? [] : [`${name}: missing`];
}

const reference = (resource: Resource, name: string): string[] =>
  typeof member(member(resource, name), "reference") === "string" ? [] : [`${name}.reference: missing`];

function coded(resource: Resource, name: string): string[] {
  const codings = member(member(resource, name), "coding");
  if (!Array.isArray(codings) || !codings.length) return [`${name}.coding: missing`];
  return codings.every((coding) => typeof member(coding, "code") === "string") ? [] : [`${name}.coding.code: missing`];
}
