/** The service worker of a face: keeps its files for use without a network, and nothing else.

Files are named by their hash and checked against it. Answers of the server are never kept: they are about a person. */

export {};

declare const self: ServiceWorkerGlobalScope;
/** Hash of the list below. */
declare const BUILD: string;
declare const PAGE: string;
/** Address and SHA-256 (base64, as in `integrity`) of each file. */
declare const PRECACHE: [string, string][];

const CACHE = `pratique-${PAGE}-${BUILD}`;
const LISTED = new Set(PRECACHE.map(([address]) => address));

self.addEventListener("install", (event) => {
  event.waitUntil(fill());
});

/** Whole or not at all: everything is fetched and checked before anything is kept; the old cache stays until then. */
async function fill(): Promise<void> {
  if (await caches.has(CACHE)) {
    const kept = await (await caches.open(CACHE)).keys();
    if (kept.length === PRECACHE.length) return;
  }
  const fetched = await Promise.all(
    PRECACHE.map(async ([address, hash]) => {
      const answer = await fetch(address, { cache: "no-cache", integrity: `sha256-${hash}` });
      if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
      return [address, answer] as const;
    }),
  );
  const cache = await caches.open(CACHE);
  for (const [address, answer] of fetched) await cache.put(address, answer);
}

self.addEventListener("message", (event) => {
  if (event.data === "take-over") void self.skipWaiting();
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) {
        if (name.startsWith(`pratique-${PAGE}-`) && name !== CACHE) await caches.delete(name);
      }
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  const isPage = request.mode === "navigate" && (url.pathname === `/${PAGE}` || url.pathname === `/${PAGE}/`);
  const listed = isPage ? `/${PAGE}/` : url.pathname;
  if (LISTED.has(listed)) event.respondWith(serve(listed, request));
});

/** A push says that there is news and never what about; a tap opens the face. */
self.addEventListener("push", (event) => {
  const said = (event.data?.json() ?? {}) as { text?: string };
  if (said.text) event.waitUntil(self.registration.showNotification("Pratique", { body: said.text, tag: "pratique" }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(
    (async () => {
      const open = await self.clients.matchAll({ type: "window" });
      const mine = open.find((client) => new URL(client.url).pathname === `/${PAGE}/`);
      await (mine ? mine.focus() : self.clients.openWindow(`/${PAGE}/`));
    })(),
  );
});

async function serve(listed: string, request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  return (await cache.match(listed)) ?? fetch(request);
}
