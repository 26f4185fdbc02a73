/** One step from sources to the files that are served: named by content hash, listed with SHA-256 in manifest.json.

The output is the same for the same sources: fixed order, no time stamps. Source maps are written only with --maps. */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { png, svg } from "./icon.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const OUT = join(HERE, "../src/pratique/web/static");
const MAPS = process.argv.includes("--maps");
const FACES = [
  { name: "wallet", worker: true, scans: true },
  { name: "site", worker: true, scans: true },
  { name: "gate", worker: false, scans: true },
  { name: "visit", worker: true, scans: false },
  { name: "handheld", worker: true, scans: true, words: ["gate"] },
];

const digest = (bytes) => createHash("sha256").update(bytes).digest();
const listed = new Map();

/** Everything is written into a fresh folder first, so that a server never sees half a build. */
const FRESH = join(HERE, `node_modules/.faces-${process.pid}`);

function put(name, bytes) {
  const body = Buffer.from(bytes);
  mkdirSync(dirname(join(FRESH, name)), { recursive: true });
  writeFileSync(join(FRESH, name), body);
  listed.set(name, digest(body));
  return `/static/${name}`;
}

function putHashed(folder, stem, extension, bytes) {
  return put(`${folder}/${stem}-${digest(bytes).toString("hex").slice(0, 12)}.${extension}`, bytes);
}

/** A face carries its own words, the common ones and those of the faces it names, nothing else. */
const wordsOf = (face) => ({
  name: "words",
  setup(bundle) {
    bundle.onLoad({ filter: /shared[\\/]words[\\/]\w+\.json$/ }, ({ path }) =>
      [face, "common", ...(FACES.find((f) => f.name === face)?.words ?? [])].includes(basename(path, ".json")) ? undefined : { contents: "{}", loader: "json" },
    );
  },
});

async function bundle(entry, face, define = {}) {
  const made = await build({
    entryPoints: [join(HERE, entry)], absWorkingDir: HERE, outdir: FRESH, write: false, bundle: true, minify: true, format: "esm",
    target: ["es2022", "chrome111", "firefox115", "safari16.4"], charset: "utf8", legalComments: "none", jsx: "automatic", jsxImportSource: "preact",
    sourcemap: MAPS ? "inline" : false, plugins: [wordsOf(face)], define, logLevel: "warning",
  });
  const pick = (extension) => made.outputFiles.find((f) => f.path.endsWith(extension))?.contents;
  return { js: pick(".js"), css: pick(".css") };
}

const text = (value) => JSON.stringify(value);
const fill = (template, values) =>
  template.replace(/\{\{([\w.-]+)\}\}/g, (_, name) => values[name] ?? (() => { throw new Error(`nothing to put in for ${name}`); })());

const shared = {
  "icon.svg": putHashed("shared", "icon", "svg", svg),
  "icon-192.png": putHashed("shared", "icon", "png", png(192)),
  "icon-512.png": putHashed("shared", "icon", "png", png(512)),
};

const dress = await build({
  stdin: { contents: '@import "./shared/tokens.css"; @import "./shared/base.css";', resolveDir: HERE, loader: "css" },
  bundle: true, minify: true, write: false, logLevel: "warning",
});
put("shared/base.css", dress.outputFiles[0].contents);
putHashed("shared", "base", "css", dress.outputFiles[0].contents);

const wasm = readFileSync(join(HERE, "node_modules/zxing-wasm/dist/reader/zxing_reader.wasm"));
const reader = putHashed("shared", "reader", "wasm", wasm);
/** Words of two screens: fetched when a device becomes a gate, which needs the network anyway. */
const pairing = putHashed("shared", "pairing", "json", readFileSync(join(HERE, "../src/pratique/credentials/pairing.json")));

for (const face of FACES) {
  if (!existsSync(join(HERE, face.name, "app.tsx"))) continue;
  const scan = face.scans ? (await bundle("shared/scan.worker.ts", face.name, { READER: text(reader) })).js : undefined;
  const scanner = scan ? putHashed(face.name, "scan", "js", scan) : "";
  const define = { SCAN_WORKER: text(scanner), PAIRING: text(pairing) };
  const probe = await bundle(`${face.name}/app.tsx`, face.name, { ...define, BUILD: '""' });
  const BUILD = digest(Buffer.concat([probe.js, probe.css])).toString("hex").slice(0, 12);
  const made = await bundle(`${face.name}/app.tsx`, face.name, { ...define, BUILD: text(BUILD) });
  const page = {
    ...shared,
    "app.js": putHashed(face.name, "app", "js", made.js),
    "app.css": putHashed(face.name, "app", "css", made.css),
    manifest: `/${face.name}/manifest.webmanifest`,
  };
  put(`${face.name}/index.html`, fill(readFileSync(join(HERE, face.name, "index.html"), "utf8"), page));
  if (!face.worker) continue;
  put(`${face.name}/manifest.webmanifest`, fill(readFileSync(join(HERE, face.name, "manifest.webmanifest"), "utf8"), shared));
  const kept = [page["app.js"], page["app.css"], shared["icon.svg"], ...(face.scans ? [scanner, reader] : [])];
  const precache = [[`/${face.name}/`, `${face.name}/index.html`], ...kept.map((a) => [a, a.slice("/static/".length)])].map(
    ([address, name]) => [address, listed.get(name).toString("base64")],
  );
  const worker = await bundle("shared/sw.worker.ts", face.name, { BUILD: text(digest(text(precache)).toString("hex").slice(0, 12)), PAGE: text(face.name), PRECACHE: text(precache) });
  put(`${face.name}/sw.js`, worker.js);
}

const licences = Object.keys(JSON.parse(readFileSync(join(HERE, "package.json"), "utf8")).dependencies).map(
  (name) => `${name}\n\n${readFileSync(join(HERE, "node_modules", name, "LICENSE"), "utf8").trim()}\n`,
);
put("shared/licences.txt", licences.join("\n----\n\n"));

const manifest = Object.fromEntries([...listed].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, hash]) => [name, hash.toString("hex")]));
writeFileSync(join(FRESH, "manifest.json"), `${JSON.stringify({ files: manifest }, null, 1)}\n`);
rmSync(OUT, { recursive: true, force: true });
renameSync(FRESH, OUT);
console.log(`faces: ${listed.size} files, ${[...new Set(FACES.map((f) => f.name))].join(", ")}`);
