/** Reads codes in camera pictures, off the page's thread. The reader's WebAssembly comes from our own origin. */

import { prepareZXingModule, readBarcodes, type ReaderOptions } from "zxing-wasm/reader";

export {};

declare const self: DedicatedWorkerGlobalScope;
declare const READER: string;

type Picture = { kind: "picture"; width: number; height: number; pixels: ArrayBuffer; n: number };
type Setup = { kind: "setup"; formats: ("QRCode" | "Code128")[] };

const FAST: ReaderOptions = { tryRotate: false, tryInvert: false, tryDownscale: false, tryDenoise: false, tryHarder: false, maxNumberOfSymbols: 1 };
const SLOW: ReaderOptions = { ...FAST, tryRotate: true, tryInvert: true, tryDownscale: true };
let formats: Setup["formats"] = ["QRCode"];

prepareZXingModule({ overrides: { locateFile: (path: string) => (path.endsWith(".wasm") ? READER : path) } });

self.addEventListener("message", (event: MessageEvent<Picture | Setup>) => {
  if (event.data.kind === "setup") {
    formats = event.data.formats;
    void load();
  } else void read(event.data);
});

/** Says once whether the reader works here: an empty picture goes through it. */
async function load(): Promise<void> {
  try {
    await readBarcodes(new ImageData(16, 16), { ...FAST, formats });
    self.postMessage({ kind: "ready" });
  } catch (fault) {
    self.postMessage({ kind: "broken", why: String(fault) });
  }
}

/** One frame in five is searched harder: turned codes, light on dark, small ones. */
async function read({ width, height, pixels, n }: Picture): Promise<void> {
  const image = new ImageData(new Uint8ClampedArray(pixels), width, height);
  const found = await readBarcodes(image, { ...(n % 5 === 4 ? SLOW : FAST), formats }).catch(() => []);
  const text = found.find((code) => code.isValid)?.text ?? "";
  self.postMessage({ kind: "done", n, text });
}
