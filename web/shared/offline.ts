/** Installs the service worker, and lets an update in only when nothing is open that it could disturb. */

import { signal } from "@preact/signals";

/** True while a newer build waits for its turn. */
export const updateWaits = signal(false);

let waitingWorker: ServiceWorker | null = null;

/** `quiet` says whether the page has no scan or tube open; a waiting build then takes over at the next start. */
export function keepOffline(page: string, quiet: () => boolean): void {
  if (!("serviceWorker" in navigator)) return;
  const [script, scope] = [`/${page}/sw.js`, `/${page}/`];
  // A worker may serve addresses below its own only: without the slash the page would be out of its reach.
  if (location.pathname === `/${page}`) history.replaceState(null, "", scope + location.search + location.hash);
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
