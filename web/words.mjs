/** Every message has both languages with the same places to fill in; none is missing, none is unused.

A key counts as used where it stands in a source as it is, or where a template begins like it: `wallet.state.${…}`. */

import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const FOLDER = join(HERE, "shared/words");
const words = {};
const faults = [];

const seen = new Set();
for (const name of readdirSync(FOLDER).sort()) {
  const raw = readFileSync(join(FOLDER, name), "utf8");
  Object.assign(words, JSON.parse(raw));
  for (const [, key] of raw.matchAll(/^\s*"([\w.-]+)":\s*\{/gm)) {
    if (seen.has(key)) faults.push(`${key}: stands twice`);
    if (!key.startsWith(`${basename(name, ".json")}.`)) faults.push(`${key}: does not belong in ${name}`);
    seen.add(key);
  }
}

const places = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort().join();
for (const [key, texts] of Object.entries(words)) {
  if (Object.keys(texts).sort().join() !== "en,zh-Hans") faults.push(`${key}: has ${Object.keys(texts).join(", ")}, not en and zh-Hans`);
  else if (!texts.en.trim() || !texts["zh-Hans"].trim()) faults.push(`${key}: is empty in one language`);
  else if (places(texts.en) !== places(texts["zh-Hans"])) faults.push(`${key}: the languages fill in different places`);
}

const sources = ["wallet", "site", "gate", "handheld", "visit", "shared"]
  .flatMap((folder) => readdirSync(join(HERE, folder)).map((name) => join(HERE, folder, name)))
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => readFileSync(path, "utf8"))
  .join("\n");
const literal = new Set([...sources.matchAll(/"([a-z]+(?:\.[\w-]+)+)"/g)].map((m) => m[1]));
const stems = [...sources.matchAll(/`((?:common|wallet|site|gate|handheld|visit)\.[\w.-]*)\$\{(\w*)/g)];
const groups = [...sources.matchAll(/word\("(\w+)"/g)].map((m) => `wallet.${m[1]}.`);
const starts = [...stems.map((m) => m[1]).filter((s) => s !== "wallet."), ...groups];
for (const key of Object.keys(words)) {
  if (!literal.has(key) && !starts.some((s) => key.startsWith(s))) faults.push(`${key}: is not used anywhere`);
}
for (const key of literal) {
  if (/^(common|wallet|site|gate|handheld|visit)\./.test(key) && !(key in words)) faults.push(`${key}: has no words`);
}

for (const fault of faults) console.error(`web/shared/words: ${fault}`);
if (faults.length) process.exit(1);
console.log(`words: ${Object.keys(words).length} messages in both languages`);
