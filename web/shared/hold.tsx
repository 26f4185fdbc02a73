/** A button that acts only when it is pressed and held: a drop of rain or a pocket cannot do it.

Keyboard: hold Space or Enter. A screen reader or switch that can only click gets a second question instead. */

import { useEffect, useRef, useState } from "preact/hooks";

type Props = { label: string; holding: string; confirm: string; disabled?: boolean; onHeld: () => void };

const HOLD = 900;

export function HoldButton({ label, holding, confirm, disabled, onHeld }: Props) {
  const [since, setSince] = useState(0);
  const [asks, setAsks] = useState(false);
  const timer = useRef(0);
  const done = useRef(false);

  const begin = (): void => {
    if (disabled || timer.current) return;
    done.current = false;
    setSince(Date.now());
    timer.current = window.setTimeout(() => {
      timer.current = 0;
      done.current = true;
      setSince(0);
      onHeld();
    }, HOLD);
  };
  const end = (): void => {
    clearTimeout(timer.current);
    timer.current = 0;
    setSince(0);
  };
  useEffect(() => end, []);
  useEffect(() => setAsks(false), [disabled]);

  const key = (event: KeyboardEvent, act: () => void): void => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) act();
  };
  // A click without a press comes from assistive technology: `detail` is 0.
  const clicked = (event: MouseEvent): void => {
    if (event.detail === 0 && !done.current && !disabled) setAsks(true);
  };

  return (
    <>
      <button
        type="button" class={`button big hold ${since ? "held" : ""}`} disabled={disabled}
        onPointerDown={begin} onPointerUp={end} onPointerLeave={end} onPointerCancel={end}
        onKeyDown={(e) => key(e, begin)} onKeyUp={(e) => key(e, end)} onBlur={end} onClick={clicked}
        onContextMenu={(e) => e.preventDefault()}
      >
        <span class="hold-fill" aria-hidden="true" />
        <span class="hold-word">{since ? holding : label}</span>
      </button>
      {asks && <button type="button" class="button second" onClick={() => { setAsks(false); onHeld(); }}>{confirm}</button>}
    </>
  );
}
