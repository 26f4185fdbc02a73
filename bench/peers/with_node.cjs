// The npm package dcc-utils beside node's own P-256 verification. Run by bench/verify.py in a folder of its own;
// takes texts and public keys as JSON on standard input, prints rates as JSON.
const crypto = require("crypto");
const zlib = require("zlib");
const { createRequire } = require("module");

const theirs = createRequire(`${process.cwd()}/`);
const { DCC } = theirs("dcc-utils");
const base45 = theirs("base45");
const cbor = theirs("cbor");

const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
const keys = new Map(given.keys.map((row) => [row.kid, row]));
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const cpu = () => { const used = process.cpuUsage(); return (used.user + used.system) / 1e6; };
const url = (hex) => Buffer.from(hex, "hex").toString("base64url");

const raw = given.texts.map((text) => {
  const [head, , payload, signature] = cbor.decodeFirstSync(zlib.inflateSync(base45.decode(text.slice(4)))).value;
  const row = keys.get(cbor.decodeFirstSync(head).get(4).toString("hex"));
  const jwk = { kty: "EC", crv: "P-256", x: url(row.x), y: url(row.y) };
  return {
    key: { key: crypto.createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" },
    message: cbor.encode(["Signature1", head, Buffer.alloc(0), payload]), signature,
    point: { x: Buffer.from(row.x, "hex"), y: Buffer.from(row.y, "hex") }, text,
  };
});

async function rate(act, count) {
  const start = cpu();
  for (let n = 0; n < count; n++) await act(raw[n]);
  return count / (cpu() - start);
}
const bare = (one) => { if (!crypto.verify("sha256", one.message, one.key, one.signature)) throw new Error("bare"); };
const dcc = async (one) => (await DCC.fromRaw(one.text)).checkSignature(one.point);

(async () => {
  const found = { raw: [], "npm dcc-utils": [] };
  for (let round = 0; round < 5; round++) {
    found.raw.push(await rate(bare, 200));
    found["npm dcc-utils"].push(await rate(dcc, 10));
  }
  console.log(JSON.stringify(Object.fromEntries(Object.entries(found).map(([name, values]) => [name, median(values)]))));
})();
