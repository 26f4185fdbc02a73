/** Sentences of a face in the reader's language. The build leaves each face its own file of words/ and the common one.

Texts that come from the server are data with both languages in them; `say` picks one. */

import { language, type Language } from "./prefs.ts";
import common from "./words/common.json";
import gate from "./words/gate.json";
import handheld from "./words/handheld.json";
import site from "./words/site.json";
import visit from "./words/visit.json";
import wallet from "./words/wallet.json";

const all = { ...common, ...gate, ...handheld, ...site, ...visit, ...wallet };

export type Key = keyof typeof all;
export type Text = { en: string; "zh-Hans": string };
export type Fill = Record<string, string | number>;

const texts = all as Record<Key, Text>;

/** The message in the reader's language, its `{places}` filled in. Reading it follows the language switch. */
export const t = (key: Key, fill: Fill = {}): string => inLanguage(language.value, key, fill);

export function inLanguage(wanted: Language, key: Key, fill: Fill = {}): string {
  return texts[key][wanted].replace(/\{(\w+)\}/g, (_, name: string) => String(fill[name] ?? ""));
}

export const isKey = (key: string): key is Key => key in texts;
export const say = (text: Text): string => text[language.value];

/** A list of short texts joined as the language does it. */
export const sayAll = (list: readonly Text[]): string => list.map(say).join(language.value === "en" ? " " : "");
