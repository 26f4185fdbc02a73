/** The sound and the voice of each verdict. Out of order is silent: nobody should be startled by a machine's fault. */

import { play, vibrate, type Note } from "../shared/sound.ts";
import type { Language } from "../shared/prefs.ts";
import type { FaceName } from "./state.ts";

const TONES: Partial<Record<FaceName, readonly Note[]>> = {
  clear: [[523, 0, 0.18], [784, 0.2, 0.3]],
  conditions: [[587, 0, 0.7]],
  hold: [[196, 0, 0.28], [165, 0.36, 0.4]],
  see_staff: [[440, 0, 0.12], [440, 0.2, 0.12], [440, 0.4, 0.12]],
  annulled: [[440, 0, 0.14], [330, 0.18, 0.22]],
};

export function sound(face: FaceName): void {
  const notes = TONES[face];
  if (!notes) return;
  play(notes);
  vibrate(notes.map(([, , lasts]) => lasts * 1000).flatMap((ms) => [ms, 60]));
}

/** Speaks with a voice of this device only: others would send the words elsewhere. */
export function speak(words: string, language: Language): void {
  const wanted = language === "en" ? /^en/i : /^(zh|cmn)([-_](hans|cn))?/i;
  const voice = globalThis.speechSynthesis?.getVoices().find((v) => v.localService && wanted.test(v.lang));
  if (!voice) return;
  const saying = new SpeechSynthesisUtterance(words);
  saying.voice = voice;
  saying.lang = voice.lang;
  speechSynthesis.cancel();
  speechSynthesis.speak(saying);
}
