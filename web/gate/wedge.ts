/** A scanner that types like a keyboard: characters closer than 100 ms, ended by Enter. Slower typing is a person's. */

const GAP = 100;
const LEAST = 8;

export function listenToWedge(onText: (text: string) => void): void {
  let text = "";
  let last = 0;
  addEventListener("keydown", (event) => {
    // What is typed into a field is a person's.
    if (event.target instanceof HTMLInputElement) return;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.timeStamp - last > GAP) text = "";
    last = event.timeStamp;
    if (event.key === "Enter" && text.length >= LEAST) {
      event.preventDefault();
      onText(text);
      text = "";
    } else if (event.key.length === 1) {
      text += event.key;
      // Fast typing must not press a focused button with its spaces.
      if (text.length > 1) event.preventDefault();
    }
  }, { capture: true });
}
