/** Language and size of the reader: the only two things kept outside IndexedDB, so that they hold before it opens. */

import { effect, signal } from "@preact/signals";

export type Language = "en" | "zh-Hans";

const params = new URLSearchParams(location.search);
const kept = (name: string): string | null => {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // storage is switched off: the switches still work until the page closes
  }
};

function first(): Language {
  const asked = params.get("lang") ?? kept("language") ?? navigator.languages.find((l) => /^(zh|en)/i.test(l)) ?? "en";
  return /^zh/i.test(asked) ? "zh-Hans" : "en";
}

export const language = signal<Language>(first());
export const large = signal<boolean>(params.has("large") ? params.get("large") !== "0" : kept("large") === "1");

effect(() => {
  document.documentElement.lang = language.value;
  document.documentElement.toggleAttribute("data-large", large.value);
  try {
    localStorage.setItem("language", language.value);
    localStorage.setItem("large", large.value ? "1" : "0");
  } catch {
    // see kept()
  }
});
