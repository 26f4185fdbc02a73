"""Claim: the TypeScript twin checks a whole HC1 in Chromium at 0.5 of the rate of `crypto.subtle.verify` alone.

Peer: `crypto.subtle.verify` over the same P-256 signatures and bytes in the same page, batch and batch in turn, one
call after the other as a gate makes them. Node 20 beside it, and Python's verifier. Distinct synthetic certificates.
A page has no CPU clock, so the rates are those of each batch's fastest round; the median round is printed beside them.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench.verify import NOW, certificate, signer  # noqa: E402
from pratique.credentials import base45, hcert, pq1  # noqa: E402
from pratique.credentials.cose import to_be_signed, unwrap  # noqa: E402
from pratique.credentials.issue import issue_hcert  # noqa: E402
from pratique.credentials.jose import b64url  # noqa: E402
from pratique.credentials.snapshot import Bundle, KeyEntry, Snapshot  # noqa: E402
from pratique.credentials.trust import bundle_body  # noqa: E402
from pratique.credentials.verify import verify  # noqa: E402

COUNT, ISSUERS, ROUNDS, PART = 400, 20, 15, 50
CHROMIUM = "/usr/bin/chromium"

# Given the script of the twin as a global; runs alike in a page and in node.
MEASURE = """async ({ body, texts, passes, bare, at, rounds, part }) => {
  const raw = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
  await twin.answer({ op: 'trust', name: 'bench', body });
  const curve = { name: 'ECDSA', namedCurve: 'P-256' }, how = { name: 'ECDSA', hash: 'SHA-256' };
  const keys = new Map();
  const rows = [];
  for (const { key, signature, message } of bare) {
    if (!keys.has(key)) keys.set(key, await crypto.subtle.importKey('spki', raw(key), curve, false, ['verify']));
    rows.push([keys.get(key), raw(signature), raw(message)]);
  }
  const peer = (n) => crypto.subtle.verify(how, ...rows[n]);
  const whole = async (n) => (await twin.answer({ op: 'verify', text: texts[n], at, trust: 'bench' })).ok;
  const shown = async (n) => (await twin.answer({ op: 'verify', text: passes[n], at, trust: 'bench' })).ok;
  const seconds = async (act, from) => {
    const start = performance.now();
    for (let n = from; n < from + part; n++) if (!(await act(n))) throw new Error('a good one was refused');
    return (performance.now() - start) / 1000;
  };
  const found = { peer: [], whole: [], shown: [] };
  const acts = { peer, whole, shown };
  for (let round = -2; round < rounds; round++) {
    const times = { peer: [], whole: [], shown: [] };
    for (let from = 0; from < rows.length; from += part) {
      for (const name in acts) times[name].push(await seconds(acts[name], from));
    }
    if (round >= 0) for (const name in acts) found[name].push(times[name]);
  }
  return found;
}"""


def material() -> dict[str, Any]:
    """Certificates, passes, and the bare signatures inside the certificates."""
    issuers = [signer() for _ in range(ISSUERS)]
    holder = signer()
    month = timedelta(days=30)
    texts = [
        issue_hcert(issuers[n % ISSUERS], certificate(n), "AT", NOW - month, NOW + month)
        for n in range(COUNT)
    ]
    passes, bare = [], []
    for n, text in enumerate(texts):
        sign1 = unwrap(hcert.inflate(base45.decode(text[4:])))
        message = to_be_signed(sign1.protected, sign1.payload)
        bare.append(
            {
                "key": b64url(issuers[n % ISSUERS].spki),
                "signature": b64url(sign1.signature),
                "message": b64url(message),
            }
        )
        hour = timedelta(hours=1)
        credential = pq1.issue_pass(
            issuers[n % ISSUERS], holder.public_key, 1, NOW - hour, NOW + 20 * hour, None
        )
        shown = int(NOW.timestamp())
        passes.append(pq1.present(credential, shown, holder.sign(pq1.proof_message(credential, shown))))
    keys = [
        KeyEntry(kid=s.kid, key=s.spki, purpose=purpose, issuer="AT" if purpose == "hcert" else "")
        for s in issuers
        for purpose in ("hcert", "pass")
    ]
    bundle = Bundle(number=1, issued=0, expires=1 << 40, keys=tuple(keys))
    return {
        "body": b64url(bundle_body(bundle)), "texts": texts, "passes": passes, "bare": bare,
        "at": NOW.timestamp(), "rounds": ROUNDS, "part": PART, "bundle": bundle,
    }  # fmt: skip


def in_chromium(script: str, given: dict[str, Any]) -> dict[str, list[list[float]]]:
    """Rates a second in a page of a secure origin."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.route(
            "**/*",
            lambda route: route.fulfill(body="<!doctype html><title>bench</title>", content_type="text/html"),
        )
        page.goto("https://localhost/")
        page.evaluate(f"() => {{ {script}; globalThis.twin = twin; }}")
        found: dict[str, list[list[float]]] = page.evaluate(f"(given) => ({MEASURE})(given)", given)
        browser.close()
    return found


def in_node(script: str, given: dict[str, Any]) -> dict[str, list[list[float]]]:
    """The same in node."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "bench.mjs"
        program.write_text(
            f"import {{ readFileSync }} from 'node:fs';\n{script}\nconst given = JSON.parse(readFileSync(0, 'utf8'));\n"
            f"console.log(JSON.stringify(await ({MEASURE})(given)));\n",
            encoding="utf-8",
        )
        told = subprocess.run(
            ["node", program], input=json.dumps(given), capture_output=True, text=True, check=True
        )
    found: dict[str, list[list[float]]] = json.loads(told.stdout)
    return found


def in_python(given: dict[str, Any], bundle: Bundle) -> float:
    """The reference, for comparison."""
    snapshot, start = Snapshot(bundle), time.perf_counter()
    for text in given["texts"]:
        if not verify(text, NOW, snapshot).ok:
            raise SystemExit("a good certificate was refused")
    return len(given["texts"]) / (time.perf_counter() - start)


def main() -> None:
    """Print the table and the JSON line."""
    given = material()
    bundle = given.pop("bundle")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "twin.js"
        subprocess.run(["node", "twin.mjs", "--bundle", str(made)], cwd=ROOT / "web", check=True)
        script = made.read_text(encoding="utf-8")
    line: dict[str, float] = {}
    for where, found in (("chromium", in_chromium(script, given)), ("node", in_node(script, given))):
        best = {name: sum(map(min, zip(*rounds, strict=True))) for name, rounds in found.items()}
        rates = {name: COUNT / seconds for name, seconds in best.items()}
        ratios = [sum(peer) / sum(whole) for whole, peer in zip(found["whole"], found["peer"], strict=True)]
        peer, whole, shown = (f"{rates[name]:8.0f}/s" for name in ("peer", "whole", "shown"))
        print(f"{where:9} subtle.verify {peer}   whole HC1 {whole}   whole pass (two signatures) {shown}")
        spread = f"min {min(ratios):.2f} · median {statistics.median(ratios):.2f} · max {max(ratios):.2f}"
        print(
            f"{'':9} HC1 / subtle: {rates['whole'] / rates['peer']:.2f} of the best batches; by round {spread}"
        )
        key = "ratio_to_subtle" if where == "chromium" else "node_ratio_to_subtle"
        line[key] = round(rates["whole"] / rates["peer"], 3)
        line[f"{key}_median"] = round(statistics.median(ratios), 3)
        line[f"{where}_hc1_per_s"] = round(rates["whole"])
        line[f"{where}_pass_per_s"] = round(rates["shown"])
    line["python_hc1_per_s"] = round(in_python(given, bundle))
    print(json.dumps(line))


if __name__ == "__main__":
    main()
