/** Installs the service worker, and lets an update in only when nothing is open that it could disturb. */

import { signal } from "@preact/signals";

/** True while a newer build waits for its turn. */
export const updateWaits = signal(false);

let waitingWorker: ServiceWorker | null = null;

/** A worker serves addresses below its own only: a page that was opened without the slash opens again with it. */
export const inReach = location.pathname.endsWith("/");
export const openInReach = (): void => location.replace(`${location.pathname}/${location.search}${location.hash}`);

/** `quiet` says whether the page has no scan or tube open; a waiting build then takes over at the next start. */
export function keepOffline(page: string, quiet: () => boolean): void {
  if (!("serviceWorker" in navigator)) return;
  const [script, scope] = [`/${page}/sw.js`, `/${page}/`];
  const watch = (registration: ServiceWorkerRegistration): void => {
    waitingWorker = registration.waiting;
    updateWaits.value = waitingWorker !== null && navigator.serviceWorker.controller !== null;
  };
  void navigator.serviceWorker.register(script, { scope }).then((registration) => {
    watch(registration);
    // At the start of the page nothing is open yet: this is the next start that a waiting build was promised.
    if (updateWaits.value && quiet()) applyUpdate();
    registration.addEventListener("updatefound", () => {
      registration.installing?.addEventListener("statechange", () => watch(registration));
    });
  }, () => undefined);
}

/** The waiting build takes over and the page opens again with it. */
export function applyUpdate(): void {
  navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
  waitingWorker?.postMessage("take-over");
}
