/** The TypeScript twin at the command line: `node twin.mjs` answers one line of JSON with another; `node twin.mjs --bundle FILE` writes it as
one script for a page, where it is `twin.line`. Bundled in memory from the sources that the faces are built from. */

import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const [, , wanted, file] = process.argv;

const made = await build({
  entryPoints: [join(HERE, "shared/decide/answer.ts")], absWorkingDir: HERE, bundle: true, write: false, minify: wanted === "--bundle", charset: "utf8",
  target: "es2022", logLevel: "warning", ...(wanted === "--bundle" ? { format: "iife", globalName: "twin" } : { format: "esm", platform: "neutral" }),
});
const [{ contents }] = made.outputFiles;

if (wanted === "--bundle") writeFileSync(file, contents);
else {
  const { line } = await import(`data:text/javascript;base64,${Buffer.from(contents).toString("base64")}`);
  for await (const question of createInterface({ input: process.stdin })) process.stdout.write(`${await line(question)}\n`);
}
