/** Where one is in a face: the part of the address after `#`. The browser's own back button works. */

import { signal } from "@preact/signals";

const read = (): string[] => location.hash.replace(/^#\/?/, "").split("/").filter(Boolean);

export const route = signal<string[]>(read());
addEventListener("hashchange", () => { route.value = read(); });

export const go = (path: string): void => { location.hash = `#/${path}`; };
