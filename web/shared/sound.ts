/** Sounds made here, one shape for each meaning. They follow a word on the screen and never stand alone. */

export type Note = readonly [hertz: number, from: number, lasts: number];

let context: AudioContext | undefined;

/** Browsers let a page sound only after a touch or key: the first one opens the way. */
export function unlockSound(): void {
  const open = (): void => {
    context ??= new AudioContext();
    void context.resume();
  };
  for (const name of ["pointerdown", "keydown"]) addEventListener(name, open, { capture: true });
}

export function play(notes: readonly Note[], shape: OscillatorType = "sine"): void {
  context ??= new AudioContext();
  if (context.state === "suspended") void context.resume();
  for (const [hertz, from, lasts] of notes) {
    const start = context.currentTime + from;
    const tone = context.createOscillator();
    const volume = context.createGain();
    tone.type = shape;
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(0, start);
    volume.gain.linearRampToValueAtTime(0.35, start + 0.015);
    volume.gain.setValueAtTime(0.35, start + lasts - 0.03);
    volume.gain.linearRampToValueAtTime(0, start + lasts);
    tone.connect(volume).connect(context.destination);
    tone.start(start);
    tone.stop(start + lasts);
  }
}

export const vibrate = (pattern: number | number[]): void => {
  // Before the first touch a browser refuses, and says so on its console.
  if (navigator.userActivation?.hasBeenActive ?? true) navigator.vibrate?.(pattern);
};
