/** The house's icon: the yellow flag Q over water. As SVG, and as PNG drawn from the same shapes. */

import { deflateSync } from "node:zlib";

const PAPER = [13, 87, 98];
const FLAG = [232, 181, 58];
const STAFF = [255, 253, 248];
const WATER = [245, 240, 230];

export const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0d5762"/><path d="M10 7v16" stroke="#fffdf8" stroke-width="2.2" stroke-linecap="round"/><path d="M11.1 7.5h12v9h-12z" fill="#e8b53a"/><path d="M6 24.500q2.500-2 5 0t5 0 5 0 5 0" fill="none" stroke="#f5f0e6" stroke-width="2" stroke-linecap="round"/></svg>\n`.replaceAll(".500", ".5");

function colour(x, y) {
  if (x >= 11.1 && x < 23.1 && y >= 7.5 && y < 16.5) return FLAG;
  if (x >= 8.9 && x < 11.1 && y >= 6 && y < 23.5) return STAFF;
  const wave = 24.5 + Math.sin(((x - 6) / 10) * 2 * Math.PI + Math.PI);
  if (x >= 6 && x <= 26 && Math.abs(y - wave) < 1) return WATER;
  return PAPER;
}

/** A PNG of `size` pixels, each the mean of nine samples. */
export function png(size) {
  const rows = [];
  for (let py = 0; py < size; py++) {
    const row = Buffer.alloc(1 + size * 3);
    for (let px = 0; px < size; px++) {
      const sum = [0, 0, 0];
      for (let s = 0; s < 9; s++) {
        const c = colour(((px + ((s % 3) + 0.5) / 3) / size) * 32, ((py + (Math.floor(s / 3) + 0.5) / 3) / size) * 32);
        for (let i = 0; i < 3; i++) sum[i] += c[i];
      }
      for (let i = 0; i < 3; i++) row[1 + px * 3 + i] = Math.round(sum[i] / 9);
    }
    rows.push(row);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", deflateSync(Buffer.concat(rows), { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
}

function chunk(name, body) {
  const out = Buffer.alloc(12 + body.length);
  out.writeUInt32BE(body.length, 0);
  out.write(name, 4, "latin1");
  body.copy(out, 8);
  out.writeUInt32BE(crc(out.subarray(4, 8 + body.length)), 8 + body.length);
  return out;
}

function crc(bytes) {
  let c = 0xffffffff;
  for (const byte of bytes) {
    c ^= byte;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  }
  return (c ^ 0xffffffff) >>> 0;
}
